// SPDX-License-Identifier: GPL-2.0
/*
 * What the series costs a driver: the time of a few operations of rockchip-rga on the model of an
 * RGA2 whose jobs take no time of their own. Runs in a stock kernel too.
 *
 * cycle N	N samples of each operation in turn, each of a few of them; a line for each: cycle,
 *		operation, nanoseconds
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../consumer/program.h"
#include "../hantro/submit.h"
#include "../rga/submit.h"

#define BUFS	8

static const struct rs_setup setup = {
	.node = "rga2",
	.in = V4L2_PIX_FMT_RGB565,
	.out = V4L2_PIX_FMT_RGB565,
	/* The smallest there are */
	.in_width = 34,
	.in_height = 34,
	.out_width = 34,
	.out_height = 34,
	.memory = RS_MMAP,
	.nout = BUFS,
	.ncap = BUFS,
};

static void restart(struct rs *rs, __u32 type)
{
	check(vb2f_ioctl(rs->v.fd, VIDIOC_STREAMOFF, &type), "VIDIOC_STREAMOFF");
	check(vb2f_ioctl(rs->v.fd, VIDIOC_STREAMON, &type), "VIDIOC_STREAMON");
}

/* From VIDIOC_QBUF to VIDIOC_DQBUF, of both buffers; the job is the driver's and the model's. */
static void job(struct rs *rs, int i)
{
	struct rs_done done;

	check(vb2f_qcap(&rs->v, i), "VIDIOC_QBUF (CAPTURE)");
	check(rs_queue_out(rs, i, NULL), "VIDIOC_QBUF (OUTPUT)");
	if (vb2f_poll(rs->v.fd, POLLIN, VB2F_TIMEOUT_MS) != POLLIN)
		check(-ETIMEDOUT, "a job");
	check(rs_finish(rs, &done, VB2F_TIMEOUT_MS), "VIDIOC_DQBUF");
	if (done.error)
		check(-EIO, "a job");
}

/* No job, as the other queue has no buffers: vb2 gets them all back when streaming ends. */
static void capture(struct rs *rs, int i)
{
	check(vb2f_qcap(&rs->v, i), "VIDIOC_QBUF (CAPTURE)");
	if (i == BUFS - 1)
		restart(rs, rs->v.cap_type);
}

static void output(struct rs *rs, int i)
{
	check(rs_queue_out(rs, i, NULL), "VIDIOC_QBUF (OUTPUT)");
	if (i == BUFS - 1)
		restart(rs, rs->v.out_type);
}

static void export(struct rs *rs, int i)
{
	close(check(vb2f_expbuf(&rs->v, i, 0), "VIDIOC_EXPBUF"));
}

/* What all of them consist of; the same in all kernels */
static void call(struct rs *rs, int i)
{
	(void)rs;
	(void)i;
	getppid();
}

static const struct operation {
	const char *name;
	void (*run)(struct rs *rs, int i);
} operations[] = {
	{ "job", job },
	{ "capture", capture },
	{ "output", output },
	{ "export", export },
	{ "call", call },
};

#define NUM_OPERATIONS	(sizeof(operations) / sizeof(*operations))

int main(int argc, char **argv)
{
	int samples = argc == 2 ? atoi(argv[1]) : 0;
	unsigned int op;
	cpu_set_t one;
	struct rs rs;
	__u64 start, end;
	int i;

	if (samples < 1) {
		fprintf(stderr, "usage: cycle SAMPLES\n");
		return 2;
	}
	/* One processor: on which of two an interrupt comes makes more of a difference. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	check(sched_setaffinity(0, sizeof(one), &one) ? -errno : 0, "sched_setaffinity");
	/* What is printed does not leave before the end. */
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	check(rs_open(&rs, &setup), "rga2");
	check(rs_start(&rs), "buffers");
	for (i = 0; i < BUFS; i++)
		rs_fill(&rs, i, i);
	check(hs_knob_set_int("rga2", "time_us", 0), "time_us");

	for (; samples; samples--) {
		for (op = 0; op < NUM_OPERATIONS; op++) {
			start = vb2f_now();
			for (i = 0; i < BUFS; i++)
				operations[op].run(&rs, i);
			end = vb2f_now();
			printf("cycle\t%s\t%llu\n", operations[op].name,
			       (end - start) / BUFS);
		}
	}
	rs_close(&rs);
	return 0;
}
