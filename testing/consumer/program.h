/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs of several processes share: how they begin, and how they end.
 */
#ifndef CONSUMER_PROGRAM_H
#define CONSUMER_PROGRAM_H

#include "child.h"

/* Says of what the program dies. check(): of a negative errno; others it returns. */
_Noreturn __attribute__((format(printf, 1, 2))) void die(const char *fmt, ...);
int check(int ret, const char *what);

/* The int that a peer sends next, or a negative errno */
int peer_answer(int sock);

#endif /* CONSUMER_PROGRAM_H */
