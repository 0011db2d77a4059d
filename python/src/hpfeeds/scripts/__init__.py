# SPDX-License-Identifier: Apache-2.0
"""The programs of the wheel, for those who call them as modules: python -m hpfeeds.scripts.broker, …scripts.cli."""
