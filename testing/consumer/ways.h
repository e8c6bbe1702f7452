/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways in which programs wait for a frame of which they have nothing but the dma-bufs.
 */
#ifndef CONSUMER_WAYS_H
#define CONSUMER_WAYS_H

#include "vb2_fences_util.h"

#define NWAYS		8
#define MAX_FDS		8	/* of several frames */

struct way {
	const char *name;
	/*
	 * 0: all that is in these dma-bufs is ready, as far as the kernel tells; a negative errno,
	 * -ETIMEDOUT too. A wait in DMA_BUF_IOCTL_SYNC has no time-out, but can be killed.
	 */
	int (*wait)(const int *fds, int n);
	bool polls;		/* and has no sync_file */
};

extern const struct way ways[NWAYS];

const struct way *way_find(const char *name);

/* One sync_file with the fences of all these dma-bufs, or of all these sync_files, closed then */
int export_merged(const int *fds, int n);
int merge_all(int *syncs, int n);

/* 0, or -ETIMEDOUT */
int wait_fd(int fd);

int cpu_access(int dmabuf, __u64 flags);

#endif /* CONSUMER_WAYS_H */
