#!/usr/bin/env python3
"""Makes a source tree for dpkg-buildpackage: deb.py FOLDER

FOLDER/actpass-VERSION becomes a copy of the sources, with server/install/debian as `debian`. What
other files say already is filled in there: `changelog` has the version of actpass.h, `control` the
libraries of .ci/packages.txt, and `libactpass0.symbols` the functions of the version script.

The time of all files, and of the changelog, is SOURCE_DATE_EPOCH, or else that of the last commit, or
else that of actpass.h: two copies are equal, and so are their packages. Prints the copy's name.
"""
import datetime
import email.utils
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = (".ci", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md",
           "SConstruct", "config", "examples", "relay", "server", "tests")
HEADER = "server/include/actpass.h"


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def version():
    return re.search(r'#define ACTPASS_VERSION "([^"]+)"', read(HEADER))[1]


def system():
    """The variables of /etc/os-release, without quotes."""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            lines = [line.strip().partition("=") for line in file]
    except FileNotFoundError:
        return {}
    return {name: value.strip('"') for name, _, value in lines}


def package_version():
    """Higher in a newer release of the system, whose libraries the package needs."""
    found = system()
    release = found.get("VERSION_ID", "")
    name = {"debian": "deb"}.get(found.get("ID"), found.get("ID", ""))
    return version() + ("+%s%s" % (name, release) if release else "")


def epoch():
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return int(os.environ["SOURCE_DATE_EPOCH"])
    try:
        return int(subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], check=True,
                                  capture_output=True).stdout)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return int(os.path.getmtime(os.path.join(ROOT, HEADER)))


# ---- What is filled in ------------------------------------------------------------------------

def changelog(maintainer):
    when = datetime.datetime.fromtimestamp(epoch(), datetime.timezone.utc)
    return ("actpass (%s) %s; urgency=medium\n\n"
            "  * Version %s: see /usr/share/doc/actpass/CHANGELOG.md.\n\n"
            " -- %s  %s\n" % (package_version(), system().get("VERSION_CODENAME", "unstable"),
                              version(), maintainer, email.utils.format_datetime(when)))


def libraries():
    """The lib*-dev of section [build], without libc's, which every build has."""
    section = re.search(r"^\[build\]\n(.*?)^\[", read(".ci/packages.txt"), re.M | re.S)[1]
    return [name for name in section.split() if re.fullmatch(r"lib.*-dev", name)
            and name != "libc6-dev"]


def numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)]


def symbols():
    """Each function with the version that a program which calls it needs: the one of its node, or ours
    while that node is not released."""
    lines = ["libactpass.so.0 libactpass0 #MINVER#", "* Build-Depends-Package: libactpass-dev"]
    for node, body in re.findall(r"^(ACTPASS_[\d.]+) \{(.*?)\}", read("server/lib/libactpass.map"),
                                 re.M | re.S):
        needed = min(node.split("_")[1], version(), key=numbers)
        names = re.findall(r"^\s+(actpass_\w+);", body, re.M)
        lines += [" %s@%s %s" % (name, node, needed) for name in [node] + names]
    return "\n".join(lines) + "\n"


# ---- The copy ---------------------------------------------------------------------------------

def set_times(folder, when):
    """And modes, which depend on the umask of whoever has checked out."""
    for path, _, names in os.walk(folder, topdown=False):
        for name in names:
            file = os.path.join(path, name)
            os.chmod(file, 0o755 if os.access(file, os.X_OK) else 0o644)
            os.utime(file, (when, when))
        os.chmod(path, 0o755)
        os.utime(path, (when, when))


def copy_sources(target):
    left_out = shutil.ignore_patterns("__pycache__", "*.pyc", ".sconsign*")
    for name in SOURCES:
        source, copy = os.path.join(ROOT, name), os.path.join(target, name)
        if os.path.isdir(source):
            shutil.copytree(source, copy, ignore=left_out)
        else:
            shutil.copy(source, copy)


def main():
    target = os.path.join(sys.argv[1], "actpass-" + version())
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    copy_sources(target)
    debian = os.path.join(target, "debian")
    shutil.copytree(os.path.join(target, "server/install/debian"), debian)
    control = read("server/install/debian/control.in")
    os.remove(os.path.join(debian, "control.in"))
    write(os.path.join(debian, "control"), control.replace("@LIBRARIES@", ",\n ".join(libraries())))
    write(os.path.join(debian, "changelog"),
          changelog(re.search(r"^Maintainer: (.*)$", control, re.M)[1]))
    write(os.path.join(debian, "libactpass0.symbols"), symbols())
    set_times(target, epoch())
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
