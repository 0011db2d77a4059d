# SPDX-License-Identifier: Apache-2.0
set(HPFEEDS_BENCH_SOURCES
  bench.cpp bench_command.cpp bench_dialect.cpp bench_histogram.cpp bench_ledger.cpp bench_meter.cpp bench_plan.cpp
  bench_publisher.cpp bench_result.cpp bench_subscriber.cpp bench_wire.cpp bench_worker.cpp)
