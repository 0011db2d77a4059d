/* SPDX-License-Identifier: Apache-2.0
 * c_program.h: what a honeypot in C does with hpfeeds.h, for c_api_test.cpp to call. */
#ifndef HPFEEDS_TESTS_C_PROGRAM_H
#define HPFEEDS_TESTS_C_PROGRAM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each returns 0, or the line of the check that failed. */
int publishes_and_closes(const char *port);
int reads_and_answers_in_a_callback(const char *port);
int hears_a_refusal(const char *port);
int says_what_is_wrong_with_options(void);
int spools(const char *port, const char *path);

#ifdef __cplusplus
}
#endif

#endif
