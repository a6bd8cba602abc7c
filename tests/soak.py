#!/usr/bin/env python3
"""Trains and serves for as long as is asked, and watches the memory of both.

  python3 tests/soak.py target/release/cnn [--minutes 30]

A small network trains (augmentation, dropout, batch normalization, a moving average, checkpoints every 1,000 steps) until a
SIGTERM, while another process serves it to honest clients, each of whose answers must be the same bytes as the first, and to
hostile ones. An epoch has 640 steps, so that the rows of `metrics.csv` that are kept for the curves (some hundred bytes an
epoch) count for as little as in earnest. Memory is flat when its median over the last tenth of the time is at most 5 % and 2 MiB above the median of
the second tenth, in both processes; that takes four minutes or more to tell. Needs nothing but Python; ends with 1 where something is amiss."""

import argparse
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

SIDE = 12
NET = f"""
[model]
name = "soak"
input = [1, {SIDE}, {SIDE}]
layers = [
  {{ type = "conv", filters = 4, kernel_size = 3, name = "C1" }},
  {{ type = "batch_norm" }},
  {{ type = "activation", fn = "relu" }},
  {{ type = "pool", kind = "max", size = 2 }},
  {{ type = "flatten" }},
  {{ type = "dropout", rate = 0.2 }},
  {{ type = "dense", units = 2 }},
]
[data]
source = "data"
validation = 0.2
[augment]
shift = 1
rotate = 10
[train]
epochs = 100000000
batch_size = 16
ema = 0.99
checkpoint = {{ every = "1000 steps", keep = 2 }}
"""


def picture(rng: random.Random, label: int) -> bytes:
    """The pixels of stripes: lying for class 1, standing for class 0."""
    return bytes(
        min(255, rng.randrange(80) + (150 if (row if label else column) % 3 == 0 else 0))
        for row in range(SIDE)
        for column in range(SIDE)
    )


def write_data(folder: pathlib.Path) -> None:
    rng = random.Random(1)
    folder.mkdir()
    for split, count in (("train", 12_800), ("t10k", 64)):
        labels = [index % 2 for index in range(count)]
        pixels = b"".join(picture(rng, label) for label in labels)
        (folder / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, SIDE, SIDE) + pixels)
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + bytes(labels))


def png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Memory(threading.Thread):
    """Looks at the resident memory of a process once a second."""

    def __init__(self, name: str, process: subprocess.Popen):
        super().__init__(daemon=True)
        self.name, self.process, self.kib = name, process, []

    def run(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE") // 1024
        while self.process.poll() is None:
            try:
                self.kib.append(int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * page)
            except (OSError, IndexError):
                return
            time.sleep(1)

    def check(self) -> str:
        tenth = max(len(self.kib) // 10, 1)
        early, late = statistics.median(self.kib[tenth : 2 * tenth]), statistics.median(self.kib[-tenth:])
        line = f"{self.name}: {early / 1024:.1f} MiB early, {late / 1024:.1f} late, {max(self.kib) / 1024:.1f} at most"
        if len(self.kib) < 240:
            return f"{line} (too short to be judged)"
        if late > 1.05 * early + 2048:
            raise SystemExit(f"FAIL {line}")
        return line


class Client(threading.Thread):
    """Asks again and again until the end; counts what it got."""

    def __init__(self, ask, until: float):
        super().__init__(daemon=True)
        self.ask, self.until, self.count, self.fault = ask, until, 0, None

    def run(self) -> None:
        while time.time() < self.until:
            try:
                self.ask()
                self.count += 1
            except Exception as fault:  # whatever it is, it ends the soak
                self.fault = fault
                return


def honest(port: int, body: bytes):
    """A request whose answer must never change."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    first = []

    def post() -> tuple[int, bytes]:
        connection.request("POST", "/predict", body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def ask() -> None:
        try:
            got = post()
        except ConnectionError:
            # The service closes what is five minutes old, and a client then opens anew.
            connection.close()
            got = post()
        first.append(got) if not first else None
        if got[0] != 200 or got != first[0]:
            raise AssertionError(f"an honest client got {got}, before it got {first[0]}")
        time.sleep(0.005)

    return ask


def hostile(port: int, good: bytes, seed: int):
    """Requests of every bad kind; whatever comes back must be no fault of the service (5xx but 503)."""
    rng = random.Random(seed)
    paths = ["/predict", "/explain", "/features", "/explain?method=occlusion", "/features?layer=none", "/predict?top_k=x"]
    huge = bytearray(good)
    huge[16:24] = struct.pack(">II", 50_000, 50_000)

    def body() -> bytes:
        choice = rng.randrange(7)
        if choice == 0:
            return rng.randbytes(rng.randrange(4096))
        if choice == 1:
            return good[: rng.randrange(len(good))]
        if choice == 2:
            broken = bytearray(good)
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
            return bytes(broken)
        if choice == 3:
            return bytes(huge)
        if choice == 4:
            return b'{"images": ' + b"[" * rng.randrange(1, 5000)
        if choice == 5:
            return json.dumps({"images": ["%%%", "", "A" * rng.randrange(2000)]}).encode()
        return b"\x89PNG\r\n\x1a\n" + rng.randbytes(200)

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            path, data = rng.choice(paths), body()
            kind = rng.choice(["", "Content-Type: application/json\r\n", "Content-Type: multipart/form-data; boundary=x\r\n"])
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{kind}"
            manner = rng.randrange(8)
            try:
                if manner == 0:
                    connection.sendall(rng.randbytes(rng.randrange(1, 2000)))
                elif manner == 1:
                    connection.sendall(head.encode()[: rng.randrange(1, len(head))])
                    time.sleep(rng.random())
                    return
                elif manner == 2:
                    connection.sendall(f"{head}Content-Length: {10**rng.randrange(3, 30)}\r\n\r\n".encode() + data)
                    return
                elif manner == 3:
                    connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{rng.randrange(99):x}\r\n".encode() + data)
                    return
                elif manner == 4:
                    connection.sendall(f"{head}X-Long: {'a' * 40_000}\r\n\r\n".encode())
                else:
                    connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(65536)
            except ConnectionError:
                # Refused while it was still talking.
                return
            status = re.match(rb"HTTP/1\.[01] (\d+)", answer)
            if status and int(status[1]) >= 500 and int(status[1]) != 503:
                raise AssertionError(f"{path} was answered with {answer[:400]}")

    return ask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cnn")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--honest", type=int, default=4)
    parser.add_argument("--hostile", type=int, default=8)
    options = parser.parse_args()
    cnn = os.path.realpath(options.cnn)

    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        write_data(pathlib.Path("data"))
        pathlib.Path("net.toml").write_text(NET)
        subprocess.run([cnn, "train", "net.toml", "--run", "served", "--epochs", "3", "--quiet"], check=True)

        until = time.time() + 60 * options.minutes
        errors = open("said", "w+")
        processes = {}
        try:
            processes["train"] = subprocess.Popen([cnn, "train", "net.toml", "--run", "long", "--quiet"], stderr=errors)
            service = subprocess.Popen([cnn, "serve", "served", "--port", "0"], stdout=subprocess.PIPE, stderr=errors, text=True)
            processes["serve"] = service
            address = re.search(r":(\d+)/", service.stdout.readline())
            if not address:
                errors.seek(0)
                raise SystemExit(f"FAIL serve says no address: {errors.read()}")
            port = int(address[1])
            watched = [Memory(name, process) for name, process in processes.items()]
            rng = random.Random(2)
            pictures = [png(SIDE, SIDE, picture(rng, label)) for label in (0, 1)]
            clients = [Client(honest(port, pictures[index % 2]), until) for index in range(options.honest)]
            attackers = [Client(hostile(port, pictures[0], seed), until) for seed in range(options.hostile)]
            for thread in watched + clients + attackers:
                thread.start()
            for thread in clients + attackers:
                thread.join()
                if thread.fault:
                    raise SystemExit(f"FAIL serve: {thread.fault!r}")
            for name, process in processes.items():
                if process.poll() is not None:
                    errors.seek(0)
                    raise SystemExit(f"FAIL {name} ended with {process.returncode}: {errors.read()}")
                process.send_signal(signal.SIGTERM)
                if process.wait(timeout=60) != 143:
                    raise SystemExit(f"FAIL {name} ended with {process.returncode} at SIGTERM")
        finally:
            for process in processes.values():
                process.kill()
                process.wait()

        rows = pathlib.Path("runs/long/metrics.csv").read_text().splitlines()
        epochs, steps = rows[-1].split(",")[:2]
        print(f"{watched[0].check()}; {steps} steps in {epochs} epochs")
        honest_answers, hostile_requests = sum(c.count for c in clients), sum(c.count for c in attackers)
        print(f"{watched[1].check()}; {honest_answers} honest answers, {hostile_requests} hostile requests")
        more = str(int(epochs) + 2)
        subprocess.run([cnn, "train", "--resume", "long", "--epochs", more, "--quiet"], check=True)
        print(f"resumed to epoch {more}")


if __name__ == "__main__":
    sys.exit(main())
