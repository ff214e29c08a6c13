#!/usr/bin/env python3
"""Checks which file includes which: includes.py [--graph]

Every file belongs to a layer (a folder), and LAYERS says which other layers it may include; an
include of any other layer is an error. A module is a header with its source, and modules that
include each other in a circle are an error unless CIRCLES names them, with the README that gives
the reason. The daemon stands behind a wall: of lib/ and relay/ it uses the public API, and GROUND,
modules without TLS; neither it nor a header of GROUND may include anything else of them. --graph
prints the edges between layers and the circles instead. The last line is `N passed, N failed`.
"""
import collections
import os
import re
import sys

# From the longest folder name to the shortest: a file belongs to the first that fits.
LAYERS = {
    "server/daemon/crew": ("relay",),
    "server/daemon/convert": ("config",),
    "server/daemon/control": ("relay", "server/lib/dial"),
    "server/daemon/commands": ("config", "relay", "server/lib/dial", "server/daemon/control"),
    "server/daemon/handlers": ("config", "relay", "server/include", "server/lib", "server/lib/base",
                               "server/lib/dial", "server/daemon/crew", "server/daemon/starttls"),
    "server/daemon/starttls": ("config", "server/lib/base"),
    "server/daemon/sandbox": ("config",),
    "server/daemon/spawner": ("config", "relay", "server/lib/base", "server/daemon/sandbox"),
    "server/daemon": ("config", "relay", "server/include", "server/lib", "server/lib/base",
                      "server/lib/dial", "server/lib/redis", "server/daemon/handlers",
                      "server/daemon/crew", "server/daemon/commands", "server/daemon/control",
                      "server/daemon/convert", "server/daemon/sandbox",
                      "server/daemon/spawner", "server/daemon/starttls"),
    "server/lib/sessions": ("config", "relay", "server/lib/base", "server/lib/dial",
                            "server/lib/redis"),
    "server/lib/redis": ("config", "relay", "server/lib/base", "server/lib/dial"),
    "server/lib/dial": ("config", "relay", "server/lib/base"),
    "server/lib/base": ("config",),
    "server/lib/ocsp": ("config", "relay", "server/lib/base", "server/lib/dial"),
    "server/lib/tls": ("config", "relay", "server/lib/base", "server/lib/ocsp",
                       "server/lib/sessions"),
    "server/lib": ("config", "relay", "server/include", "server/lib/base", "server/lib/dial",
                   "server/lib/ocsp", "server/lib/tls", "server/lib/sessions"),
    "server/include": (),
    "relay": (),
    "config": (),
    "examples": ("server/include",),
}

# What server/daemon may include of WALLED folders. server/README.md says what each is for.
GROUND = {
    "relay/clock.h",
    "relay/lock.h",
    "relay/threads.h",
    "relay/verdict.h",
    "server/lib/base/error.h",
    "server/lib/base/rate.h",
    "server/lib/base/credentials.h",
    "server/lib/base/secret.h",
    "server/lib/base/would_block.h",
    "server/lib/dial/candidates.h",
    "server/lib/dial/dial.h",
    "server/lib/dial/fast_open_system.h",
    "server/lib/dial/http_connect.h",
    "server/lib/dial/proxy.h",
    "server/lib/dial/race.h",
    "server/lib/dial/resolve.h",
    "server/lib/dial/socket.h",
    "server/lib/dial/socks5.h",
    "server/lib/dial/source.h",
    "server/lib/dial/steps.h",
    "server/lib/dial/through.h",
    "server/lib/dial/unix_address.h",
    "server/lib/dial/wait.h",
    "server/lib/redis/link.h",
    "server/lib/redis/place.h",
    "server/lib/redis/words.h",
    "server/lib/parsed.h",
    "server/lib/peers.h",
    "server/lib/role.h",
}
WALLED = ("relay/", "server/lib/")

# Modules that may include each other, and where the reason stands.
CIRCLES = {}

SEARCHED = ("", "server/include")  # beside the includer's own folder


def layer_of(path):
    return next(layer for layer in LAYERS if path.startswith(layer + "/"))


def sources():
    for top in ("config", "relay", "server", "examples"):
        for folder, _, names in os.walk(top):
            yield from (os.path.join(folder, name) for name in sorted(names)
                        if name.endswith((".c", ".h")))


def included(path, known):
    """The files of this tree that the file at `path` includes."""
    with open(path, encoding="utf-8") as file:
        names = re.findall(r'^#include ["<]([^">]+)[">]', file.read(), re.M)
    for name in names:
        for folder in (os.path.dirname(path),) + SEARCHED:
            target = os.path.normpath(os.path.join(folder, name))
            if target in known:
                yield target
                break


def module(path):
    return os.path.splitext(path)[0]


def circles(graph):
    """Tarjan's strongly connected components of more than one module."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in index:
                visit(target)
            if target in stack:
                low[node] = min(low[node], low[target])
        if low[node] == index[node]:
            part = []
            while not part or part[-1] != node:
                part.append(stack.pop())
            if len(part) > 1:
                found.append(tuple(sorted(part)))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found)


def through_wall(edges):
    """Includes that lead from the daemon, or from what it may include, to what it may not."""
    return [(path, target) for path, target in edges
            if (path.startswith("server/daemon/") or path in GROUND)
            and target.startswith(WALLED) and target not in GROUND]


def main():
    known = set(sources())
    edges = [(path, target) for path in sorted(known) for target in included(path, known)]
    graph = collections.defaultdict(set)
    for path, target in edges:
        if module(path) != module(target):
            graph[module(path)].add(module(target))
            graph.setdefault(module(target), set())
    upward = [(path, target) for path, target in edges if layer_of(path) != layer_of(target)
              and layer_of(target) not in LAYERS[layer_of(path)]]
    wall = through_wall(edges)
    unnamed = [circle for circle in circles(graph) if circle not in CIRCLES]
    if "--graph" in sys.argv:
        pairs = collections.Counter((layer_of(path), layer_of(target)) for path, target in edges
                                    if layer_of(path) != layer_of(target))
        for (layer, target), count in sorted(pairs.items()):
            print(f"{layer} -> {target}: {count}")
    for path, target in upward:
        print(f"{path}: must not include {target} ({layer_of(path)} does not stand on "
              f"{layer_of(target)}; see LAYERS in tests/support/includes.py)")
    for path, target in wall:
        print(f"{path}: must not include {target}: the daemon uses actpass.h (see GROUND in "
              "tests/support/includes.py)")
    for path in sorted(GROUND - known):
        print(f"GROUND names {path}, which is not there")
    for circle in unnamed:
        print("circle: " + " ".join(circle))
    failed = bool(upward) + bool(unnamed) + bool(wall or GROUND - known)
    print(f"{3 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    sys.exit(main())
