#!/usr/bin/python3
"""Compares unitscope with torch on many architectures and writes docs/architectures.md.

    scripts/zoo/run.py [--cache FOLDER] [--only PATTERN] [--again failed|all] [--jobs N] [--list]

Needs Debian's python3-torch, python3-torchvision and python3-onnx, and a built clone (npm run build). Every architecture
is a process of its own with a time limit; its row stays in the cache, so that a second call does only what is missing.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECONDS = 600


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--cache", default=os.path.expanduser("~/.cache/unitscope/zoo"), help="folder for models and rows")
    options.add_argument("--only", default="*", help="names, as a pattern")
    options.add_argument("--again", choices=["failed", "all"], help="rows to make again")
    options.add_argument("--jobs", type=int, default=1, help="architectures at a time")
    options.add_argument("--page", default=os.path.join(ROOT, "docs", "architectures.md"), help="the table; - for none")
    options.add_argument("--list", action="store_true", help="only list the names")
    given = options.parse_args()
    sys.dont_write_bytecode = True

    import nets  # noqa: F401
    from entry import entries
    from page import write_page
    from rows import is_sound, read_row

    names = [name for name in entries if fnmatch.fnmatch(name, given.only)]
    if given.list:
        print("\n".join(names))
        return
    todo = []
    for name in names:
        row = read_row(given.cache, name)
        if row is None or given.again == "all" or (given.again == "failed" and not is_sound(row)):
            todo.append(name)
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for done, (name, seconds) in enumerate(pool.map(lambda name: run_one(name, given.cache), todo), start=1):
            row = read_row(given.cache, name)
            print(f"{done} of {len(todo)}  {seconds:5.0f} s  {name}: {summary(row)}", flush=True)
    if given.page != "-":
        write_page(given.page, [row for name in entries if (row := read_row(given.cache, name))])


def run_one(name: str, cache: str) -> tuple[str, float]:
    began = time.time()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "ZOO_COMMIT": commit()}
    row = os.path.join(cache, "rows", f"{name}.json")
    if os.path.exists(row):
        os.remove(row)
    try:
        subprocess.run([sys.executable, os.path.join(HERE, "one.py"), name, cache], env=environment, timeout=SECONDS, check=True)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        os.makedirs(os.path.dirname(row), exist_ok=True)
        with open(row, "w") as file:
            json.dump({"name": name, "failed": type(error).__name__, "commit": commit()}, file)
    return name, time.time() - began


def commit() -> str:
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


def summary(row: dict | None) -> str:
    from rows import words_of

    return words_of(row) if row else "no row"


if __name__ == "__main__":
    main()
