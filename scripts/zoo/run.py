#!/usr/bin/python3
"""Compares unitscope with torch on many architectures and writes docs/architectures.md.

    scripts/zoo/run.py [--cache FOLDER] [--only PATTERN] [--again failed|all] [--keep] [--jobs N] [--seconds S] [--list]

Needs Debian's python3-torch, python3-torchvision and python3-onnx, and a built clone (npm run build). Every architecture
is a process of its own with a time limit; its row stays in the cache, so that a second call does only what is missing or
was made by other code (with --keep, only what is missing).
"""
import argparse
import fnmatch
import hashlib
import multiprocessing
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import nets  # noqa: E402, F401
from entry import entries  # noqa: E402
from one import make_row  # noqa: E402
from page import write_page  # noqa: E402
from rows import is_sound, read_row, words_of, write_row  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--cache", default=os.path.expanduser("~/.cache/unitscope/zoo"), help="folder for models and rows")
    options.add_argument("--only", default="*", help="names, as a pattern")
    options.add_argument("--names", help="names, separated by commas, in the order in which they are made")
    options.add_argument("--again", choices=["failed", "all"], help="rows to make again")
    options.add_argument("--keep", action="store_true", help="keep the rows that other code made")
    options.add_argument("--seconds", type=int, default=600, help="time limit of an architecture")
    options.add_argument("--jobs", type=int, default=1, help="architectures at a time")
    options.add_argument("--page", default=os.path.join(ROOT, "docs", "architectures.md"), help="the table; - for none")
    options.add_argument("--list", action="store_true", help="only list the names")
    given = options.parse_args()
    names = given.names.split(",") if given.names else [name for name in entries if fnmatch.fnmatch(name, given.only)]
    if given.list:
        print("\n".join(names))
        return
    version = code_version()
    todo = []
    for name in names:
        row = read_row(given.cache, name)
        old = row is not None and row.get("code") != version and not given.keep
        if row is None or old or given.again == "all" or (given.again == "failed" and not is_sound(row)):
            todo.append(name)
    for done, (name, seconds) in enumerate(run_all(todo, version, given), start=1):
        print(f"{done} of {len(todo)}  {seconds:5.0f} s  {name}: {words_of(read_row(given.cache, name))}", flush=True)
    if given.page != "-":
        write_page(given.page, [row for name in entries if (row := read_row(given.cache, name))], list(entries))


def run_all(names: list[str], version: str, given: argparse.Namespace):
    """Makes rows, each in a process that is forked from this one, so that torch is imported once; yields as they end."""
    waiting, running, cache, limit = list(names), {}, given.cache, given.seconds
    while waiting or running:
        while waiting and len(running) < given.jobs:
            name = waiting.pop(0)
            row = os.path.join(cache, "rows", f"{name}.json")
            if os.path.exists(row):
                os.remove(row)
            child = multiprocessing.get_context("fork").Process(target=make_row, args=(name, cache, {"commit": commit(), "code": version}, limit))
            child.start()
            running[name] = (child, time.time())
        for name, (child, began) in list(running.items()):
            seconds = time.time() - began
            if child.is_alive() and seconds < limit:
                continue
            if child.is_alive():
                child.kill()
            child.join()
            del running[name]
            if read_row(cache, name) is None:
                failed = f"no answer within {limit} s" if seconds >= limit else f"exit code {child.exitcode}"
                write_row(cache, {"name": name, "failed": failed, "commit": commit(), "code": version})
            yield name, seconds
        time.sleep(0.2)


def commit() -> str:
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


def code_version() -> str:
    """A digest of the built code and of the zoo's: a row of another version says nothing of this one."""
    digest = hashlib.sha256()
    for folder, ends in ((os.path.join(ROOT, "dist"), (".js", ".wasm")), (HERE, (".py", ".mjs"))):
        for place, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "web")
            for name in sorted(files):
                if name.endswith(ends):
                    path = os.path.join(place, name)
                    with open(path, "rb") as file:
                        digest.update(os.path.relpath(path, ROOT).encode() + b"\0" + file.read())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
