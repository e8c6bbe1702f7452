// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "vb2_fences_util.h"

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	exit(1);
}

int check(int ret, const char *what)
{
	if (ret < 0)
		die("%s: %s", what, strerror(-ret));
	return ret;
}

int peer_answer(int sock)
{
	int ret;

	return vb2f_poll(sock, POLLIN, VB2F_TIMEOUT_MS) > 0 &&
	       read(sock, &ret, sizeof(ret)) == sizeof(ret) ? ret : -EPIPE;
}
