# SPDX-License-Identifier: Apache-2.0
"""python_broker.py DRIVER: runs DRIVER PORT against the reference project's own broker; exits as it does."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_SECONDS = 30 * float(os.environ.get("HPFEEDS_TEST_SCALE", "1"))
KEYS = {
    "both": {"owner": "lab", "secret": "both-secret", "pubchans": ["events"], "subchans": ["events"]},
    "sensor": {"owner": "field", "secret": "sensor-secret", "pubchans": ["events"], "subchans": []},
}


def greets(port: int) -> bool:
    """True for the broker's own port: its metrics have one, too."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
        try:
            return probe.recv(5)[4:] == b"\x01"
        except OSError:
            return False


def listening_port(process: subprocess.Popen) -> int:
    """Where the broker listens. It takes port 0 and does not say what it got, so the kernel is asked."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        sockets = set()
        for descriptor in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                sockets.add(os.readlink(descriptor))
            except OSError:
                pass  # closed meanwhile
        for line in pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            port = int(fields[1].split(":")[1], 16) if ":" in fields[1] else 0
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets and greets(port):
                return port
        time.sleep(0.05)
    raise RuntimeError("the broker does not listen")


def main() -> int:
    program = pathlib.Path(sys.executable).parent / "hpfeeds-broker"
    with tempfile.TemporaryDirectory(prefix="hpfeeds-interop-") as folder:
        users = pathlib.Path(folder, "users.json")
        users.write_text(json.dumps(KEYS), encoding="utf-8")
        # Its metrics go to a port of the system's choice, too: without --exporter it takes a fixed one.
        broker = subprocess.Popen(
            [sys.executable, program, "-e", "tcp:interface=127.0.0.1:port=0", "--auth", users,
             "--name", "reference", "--exporter", "127.0.0.1:0"], cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            return subprocess.run([sys.argv[1], str(listening_port(broker))], check=False,
                                  timeout=4 * DEADLINE_SECONDS).returncode
        finally:
            broker.kill()
            _, said = broker.communicate()
            if said:
                sys.stderr.write("--- the broker's log ---\n" + said[-4000:])


if __name__ == "__main__":
    sys.exit(main())
