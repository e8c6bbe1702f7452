// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "jobs.h"

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
	};

	return run_tests(&program, argc, argv);
}

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
		.nout = 2,
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

void submit(struct hs *hs, int out, int cap, unsigned int seed)
{
	struct hs_job job = { .out = out, .cap = cap, .seed = seed };

	hs_wipe(hs, cap);
	DO(hs_submit(hs, &job));
}

void wait_done(struct hs *hs, int cap, struct hs_done *done)
{
	int ret = hs_finish(hs, done, STUCK_MS);

	CHECK(ret != -ETIMEDOUT, "the buffer is not returned within %d ms", STUCK_MS);
	CHECK(!ret, "DQBUF: %s", strerrorname_np(-ret));
	CHECK(done->index == cap, "buffer %d came instead of %d", done->index, cap);
}

__u64 frame_hash(struct hs *hs, const struct hs_done *done)
{
	struct hs_range range[2];
	int n = hs_ranges(hs, -1, range);

	if (hs->setup.codec == HS_JPEG)
		range[0].width = done->bytesused > range[0].offset ?
				 done->bytesused - range[0].offset : 0;
	return hs_hash(hs->v.cap[done->index].map[0], range, n);
}

void expect_frame(struct hs *hs, const struct hs_done *done)
{
	__u64 hash;

	CHECK(!done->error, "a job without a fault has V4L2_BUF_FLAG_ERROR");
	DO(hs_knob_hash(hs->node->name, &hash));
	CHECK(frame_hash(hs, done) == hash, "the frame is not what the model has written");
}

void ends_well(struct hs *hs, int cap)
{
	struct hs_done done;

	wait_done(hs, cap, &done);
	expect_frame(hs, &done);
}

void ends_badly(struct hs *hs, int cap)
{
	struct hs_done done;

	wait_done(hs, cap, &done);
	CHECK(done.error, "a failed job has no V4L2_BUF_FLAG_ERROR");
}

void one_good_job(struct hs *hs)
{
	const char *name = hs->node->name;
	long long starts = DO(hs_knob_int(name, "starts"));

	DO(hs_knob_set(name, "fault", "none"));
	DO(hs_knob_set_int(name, "time_us", SOON_US));
	hs_forget(hs);		/* what has failed is no reference */
	submit(hs, 0, NCAP - 1, 77);
	ends_well(hs, NCAP - 1);
	CHECK(DO(hs_knob_int(name, "starts")) == starts + 1, "no job was started");
}
