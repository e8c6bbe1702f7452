/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODELS_CHILD_H
#define MODELS_CHILD_H

#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* fork(), or a negative errno; the child ends with this process. */
static inline pid_t start_child(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid < 0 ? -errno : pid;
}

/* The same; each of the two has a socket to the other one. */
static inline pid_t start_peer(int *sock)
{
	int socks[2];
	pid_t pid;

	*sock = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return -errno;
	pid = start_child();
	*sock = socks[!pid];
	close(socks[!!pid]);
	return pid;
}

#endif /* MODELS_CHILD_H */
