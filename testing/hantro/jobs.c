// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "jobs.h"

enum hs_codec codec_of(const char *name)
{
	if (listed(ENCODERS, name))
		return HS_JPEG;
	return strcmp(name, "g2") ? HS_MPEG2 : HS_HEVC;
}

void open_as(struct hs *hs, const char *name, enum hs_codec what)
{
	struct hs_setup setup = {
		.node = name,
		.codec = what,
		.width = WIDTH,
		.height = HEIGHT,
		.nout = NOUT,
		.ncap = NCAP,
	};

	DO(hs_open(hs, &setup));
	CHECK(!fences || !(hs->v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES) ==
	      !listed(RESETS, name), "V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES of %s is wrong", name);
	DO(hs_start(hs));
}

void open_one(struct hs *hs)
{
	open_as(hs, node, codec_of(node));
}

void submit(struct vb2f *v, int out, int cap, unsigned int seed)
{
	struct hs_job job = { .out = out, .cap = cap, .seed = seed };

	hs_wipe(v, cap);
	DO(hs_submit((struct hs *)v, &job));
}

__u64 frame_hash(struct hs *hs, const struct hs_done *done)
{
	struct hs_range range[2];
	int n = hs_ranges(hs, -1, range);

	if (hs->setup.codec == HS_JPEG)
		range[0].width = done->bytesused > range[0].offset ?
				 done->bytesused - range[0].offset : 0;
	return hs_hash(hs->v.cap[done->index].map, range, n);
}

/*
 * For the tests of testing/models/mem2mem.c: a struct hs begins with its struct vb2f.
 */

static struct vb2f *open_any(void)
{
	struct hs *hs = malloc(sizeof(*hs));

	CHECK(hs, "no memory");
	open_one(hs);
	return &hs->v;
}

static void close_any(struct vb2f *v)
{
	hs_close((struct hs *)v);
	free(v);
}

static int stream_any(struct vb2f *v, bool on)
{
	return hs_stream((struct hs *)v, on);
}

static void forget_any(struct vb2f *v)
{
	hs_forget((struct hs *)v);
}

/* It is the node's last job: what is in the buffer is what the model has written. */
static void expect_any(struct vb2f *v, int out, const struct hs_done *done)
{
	__u64 hash;

	(void)out;
	DO(hs_knob_hash(node, &hash));
	CHECK(frame_hash((struct hs *)v, done) == hash,
	      "the frame is not what the model has written");
}

static int device(const char *name, char *text, size_t size)
{
	return hs_device(hs_find_node(name), text, size);
}

int run_hantro_tests(const char *name, const struct test *tests, int argc, char **argv)
{
	static const char *const nodes[] = { "vdpu", "g1", "g1i", "g2", "vepu", "h1", NULL };
	const struct test_program program = {
		.name = name,
		.driver = "hantro-vpu",
		.nodes = nodes,
		.fenced = RESETS,
		.device = device,
		.tests = tests,
		.open = open_any,
		.close = close_any,
		.stream = stream_any,
		.submit = submit,
		.forget = forget_any,
		.expect = expect_any,
		.spurious = spurious,
		.longer_us = LONGER_US,
		.sleep_us = 1600000,
	};

	return run_tests(&program, argc, argv);
}
