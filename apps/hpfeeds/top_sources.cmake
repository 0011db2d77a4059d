# SPDX-License-Identifier: Apache-2.0
set(HPFEEDS_TOP_SOURCES
  top.cpp top_exporter.cpp top_rates.cpp top_screen.cpp top_snapshot.cpp top_terminal.cpp)
