# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from .program import become


def main() -> None:
    become("hpfeeds-broker")


if __name__ == "__main__":
    main()
