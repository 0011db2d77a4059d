# SPDX-License-Identifier: Apache-2.0
set(HPFEEDS_DOCTOR_SOURCES
  doctor.cpp doctor_findings.cpp doctor_greeting.cpp doctor_network.cpp doctor_rights.cpp doctor_words.cpp)
