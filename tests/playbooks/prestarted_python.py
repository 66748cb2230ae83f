"""A Python for modules: it imports a cloud's client once, which takes longer than most modules, and forks for each.

``prestarted_python.py SOCKET NAME...`` imports modules by their names and says so; each message on the socket is a
program to run: its words, folder, environment, and files to read from and write to. CLIENT is what sends one, as an
interpreter that Ansible is told of, and ends as the program does. What programs bring in zip files, as modules of
Ansible do, is compiled once. All ends with standard input.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import marshal
import os
import runpy
import select
import signal
import socket
import sys
import traceback
import zipimport
from contextlib import suppress
from pathlib import Path

CLIENT = """\
#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect({path!r})
    program = json.dumps({{"words": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}})
    socket.send_fds(server, [program.encode()], [0, 1, 2])
    code = server.recv(1)
    sys.exit(code[0] if code else "the program was killed")
"""
LONGEST = 100_000


def compile_once(folder):
    """Keep in a folder what is imported from zip files: they have sources alone, and Python would compile them anew."""
    compile_source = zipimport._compile_source

    def compiled(path, source):
        kept = folder / hashlib.sha256(source).hexdigest()
        if not kept.exists():
            new = kept.with_suffix(f".{os.getpid()}")
            new.write_bytes(marshal.dumps(compile_source(path, source)))
            new.rename(kept)
        return marshal.loads(kept.read_bytes())

    zipimport._compile_source = compiled


def run(program):
    """Run a program as this process, and return its exit code."""
    os.environ.clear()
    os.environ.update(program["environment"])
    os.chdir(program["cwd"])
    sys.argv = program["words"]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter does
        traceback.print_exc()
        return 1
    return 0


def answer(connection):
    """Be the process of one program."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, files, _flags, _address = socket.recv_fds(connection, LONGEST, 3)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    code = run(json.loads(text))
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(bytes([code & 255]))
    os._exit(0)


def reap(*_signal):
    """Take leave of processes that have ended; their clients know how."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def main():
    """Import what is named, and take programs."""
    path, *names = sys.argv[1:]
    sys.path.pop(0)  # this folder is none of the programs'
    for name in names:
        importlib.import_module(name)
    compile_once(Path(path).parent)
    gc.freeze()
    signal.signal(signal.SIGCHLD, reap)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(path)
        server.listen()
        print("up", flush=True)
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            connection, _address = server.accept()
            if not os.fork():
                answer(connection)
            connection.close()


if __name__ == "__main__":
    main()
