/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Producers of pictures that a display can show, all alike: vim2m, visl, RGA, and chains of two
 * devices, of which the second one reads what the first one wrote.
 *
 * Each holds one mem2mem context (two, in a chain) with one OUTPUT and some CAPTURE buffers, runs
 * one job at a time, and exports its CAPTURE buffers once: producer_v(p)->cap[i].fd[]. Frames
 * have numbers, each number is another picture.
 *
 * Functions that return int return 0 (or what they say) or a negative errno, and none of them
 * waits for ever.
 */
#ifndef CONSUMER_PRODUCER_H
#define CONSUMER_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>

#include "display.h"
#include "vb2_fences_util.h"

#define PRODUCER_MAX_BUFS	8

struct producer;

struct producer_type {
	const char *name;
	const char *device;	/* those of one device share its time: vim2m, visl, rga2, rga3 */
	__u32 fourcc;		/* of CAPTURE, as V4L2 calls it */
	bool mplane;		/* vim2m only */
	bool heap;		/* CAPTURE buffers are imported from the system dma-heap */
	const char *from;	/* the first device of a chain, or NULL: vim2m, vdpu, g1, g2 */
	bool not_stock;		/* the stock driver does not have the format */
};

extern const struct producer_type producer_types[];	/* the last one has no name */

const struct producer_type *producer_find(const char *name);

/*
 * -ENODEV: the driver or its hardware is not there. The models' modules have to be loaded (see
 * README), the others are if need be. @width and @height are at least 128; visl has 640x360 only.
 * The buffers are exported, both queues are on.
 */
int producer_open(struct producer **p, const struct producer_type *type, __u32 width,
		  __u32 height, int nbufs);
void producer_close(struct producer *p);

/* The CAPTURE side: buffers, dma-bufs, and whether it has fences */
struct vb2f *producer_v(struct producer *p);
bool producer_fenced(const struct producer *p);
const struct display_layout *producer_layout(const struct producer *p);
/* That of vim2m or visl without a producer */
int producer_test_layout(struct display_layout *l, const struct vb2f *v);

/* How long the device takes for a job. vim2m and visl count in ticks of 10 ms. */
int producer_set_ms(struct producer *p, int ms);

/*
 * Draws the picture with that number for the device to read, and queues it and the buffer. When
 * this returns the job runs, or has run already: the device was idle, and starts such a job
 * within the ioctl that queues it. There is no other promise that a program could rely on: a job
 * behind another one has no fence before it starts.
 *
 * In a chain, the program waits for the first device's job before it queues the second one: an
 * m2m OUTPUT does not wait for fences. It waits as a consumer does, with the sync_file of the
 * dma-buf, and a stock kernel says at once that there is nothing to wait for.
 *
 * The stock visl is the exception: it sleeps in the ioctl for as long as the job takes. There
 * this returns in the middle of the job, and a thread goes on with the ioctl.
 */
int producer_submit(struct producer *p, int buf, unsigned int number);

/*
 * Waits until the job has finished, and dequeues its buffers; -EIO: it failed. *owned (or NULL)
 * is when the device certainly had the buffer still (CLOCK_MONOTONIC, in ns): by the time in the
 * fence where there is one, or else when the buffer was last seen not done.
 */
int producer_finish(struct producer *p, __u64 *owned);

/*
 * What has to be in a CAPTURE buffer, from what the program has drawn, by a reference on the CPU;
 * only after producer_finish() of that frame. For visl, it is what the driver has given back.
 */
int producer_expect(struct producer *p, void *const planes[]);

#endif /* CONSUMER_PRODUCER_H */
