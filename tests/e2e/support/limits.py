"""The limits of the system: raised for a test where that is allowed, and put back after it."""
import contextlib
import resource


def _read(name):
    with open(f"/proc/sys/fs/{name}", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def _write(name, value):
    with open(f"/proc/sys/fs/{name}", "w", encoding="ascii") as file:
        file.write(str(value))


def _raise_sysctl(case, name, wanted):
    """Until the end of the test, if we may."""
    before = _read(name)[0]
    if before < wanted:
        with contextlib.suppress(OSError):
            _write(name, wanted)
            case.addCleanup(_write, name, before)


def raise_descriptors(case, each, total):
    """Lets the processes that are started from now on have EACH descriptors, and all together
    TOTAL, if we may. Returns what each of them may have, and what all may."""
    used = _read("file-nr")[0]
    _raise_sysctl(case, "nr_open", each)
    _raise_sysctl(case, "file-max", used + total)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    for hard in max(each, before[1]), before[1]:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            case.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
            break
        except ValueError:  # beyond the hard limit, without CAP_SYS_RESOURCE
            pass
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1], _read("file-max")[0] - used


def free_memory_kib():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
