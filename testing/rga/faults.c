// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs that do not just end well, on both generations of RGA: errors, interrupts that are lost,
 * come twice or belong to somebody else, blocks that hang, and files, processes and drivers that
 * go away meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "mem2mem.h"
#include "submit.h"

#define NODES		"rga2 rga3"
#define WIDTH		144
#define HEIGHT		128
#define LONGER_US	600000	/* the watchdog's are 1000000 */

/*
 * What tests are made of
 */

static struct rs_setup default_setup(void)
{
	return (struct rs_setup) {
		.node = node,
		.in = V4L2_PIX_FMT_NV12,
		.out = V4L2_PIX_FMT_ABGR32,
		.in_width = WIDTH,
		.in_height = HEIGHT,
		.out_width = WIDTH,
		.out_height = HEIGHT,
		.nout = NOUT,
		.ncap = NCAP,
	};
}

static void open_with(struct rs *rs, const struct rs_setup *setup)
{
	DO(rs_open(rs, setup));
	CHECK(!fences || rs->v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES,
	      "no V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES");
	DO(rs_start(rs));
}

static void open_one(struct rs *rs)
{
	struct rs_setup setup = default_setup();

	open_with(rs, &setup);
}

/*
 * For the tests of testing/models/mem2mem.c: a struct rs begins with its struct vb2f.
 */

static struct vb2f *open_any(void)
{
	struct rs *rs = malloc(sizeof(*rs));

	CHECK(rs, "no memory");
	open_one(rs);
	return &rs->v;
}

static void close_any(struct vb2f *v)
{
	rs_close((struct rs *)v);
	free(v);
}

static void submit(struct vb2f *v, int out, int cap, unsigned int seed)
{
	DO(rs_submit((struct rs *)v, out, cap, seed));
}

/* What was in the OUTPUT buffer is in the CAPTURE buffer now, as it should be. */
static void expect_any(struct vb2f *v, int out, const struct hs_done *done)
{
	struct rs *rs = (struct rs *)v;
	size_t n;

	DO(rs_expect(rs, rs->out[out]));
	n = rs_differ(rs, v->cap[done->index].map);
	CHECK(!n, "%zu bytes of the picture are wrong", n);
}

/* @n pictures, two of them queued */
static void play(struct rs *rs, unsigned int seed, int n)
{
	int i;

	for (i = 0; i <= n; i++) {
		if (i < n)
			submit(&rs->v, i % NOUT, i % NCAP, seed + i);
		if (i)
			ends_well(&rs->v, (i - 1) % NOUT, (i - 1) % NCAP);
	}
}

/* What the kernel says of the interrupts that nobody has claimed; it changes with each. */
static void unclaimed(char *text, size_t size)
{
	char path[64];
	int irq = -1;
	FILE *f;

	interrupts(&irq);
	snprintf(path, sizeof(path), "/proc/irq/%d/spurious", irq);
	f = fopen(path, "re");
	CHECK(f, "no %s", path);
	/* Not the first line, which counts all of them */
	CHECK(fgets(text, size, f), "%s is empty", path);
	text[fread(text, 1, size - 1, f)] = 0;
	fclose(f);
}

/* The driver must not claim an interrupt that is not its own. */
static void not_ours(void)
{
	char before[128], after[128];

	unclaimed(before, sizeof(before));
	spurious();
	unclaimed(after, sizeof(after));
	CHECK(strcmp(before, after), "the driver claims an interrupt that is not its own");
}

/*
 * The tests
 */

static void t_good(void)
{
	struct rs rs;

	open_one(&rs);
	fenced_job(&rs.v, 1);
	set("time_us", 500);
	play(&rs, 5, 16);
	rs_close(&rs);
}

/* Each error that there is; one of them together with the end of the job */
static void t_error(void)
{
	static const unsigned int rga2[] = { 1 << 0, 1 << 1, 1 << 0 | 1 << 2 };
	static const unsigned int rga3[] = {
		1 << 2, 1 << 5, 1 << 6, 1 << 7, 1 << 13, 1 << 14, 1 << 15, 1 << 16, 1 << 17,
		1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 6 | 1 << 0,
	};
	bool old = !strcmp(node, "rga2");
	const unsigned int *bits = old ? rga2 : rga3;
	long long usual = get("error_bits");
	int i, sync, n = old ? sizeof(rga2) / sizeof(*rga2) : sizeof(rga3) / sizeof(*rga3);
	struct hs_done done;
	struct rs rs;

	open_one(&rs);
	for (i = 0; i < n; i++) {
		set("time_us", i ? SOON_US : LONG_US);
		set("error_bits", bits[i]);
		next_fault("error");
		submit(&rs.v, 0, 0, 1);
		sync = i ? -1 : take(&rs.v, 0);
		fence_ends(sync, -EIO);
		wait_done(&rs.v, 0, &done);
		CHECK(done.error, "error %#x: no V4L2_BUF_FLAG_ERROR", bits[i]);
		one_good_job(&rs.v);
	}
	set("error_bits", usual);
	rs_close(&rs);
}

/* With the clock off, as the neighbour on the line does not care; and with the clock on */
static void t_spurious_idle(void)
{
	long long unclocked;
	struct rs rs;

	open_one(&rs);
	one_good_job(&rs.v);
	not_ours();
	one_good_job(&rs.v);
	DO(vb2f_stream(&rs.v, false));
	unclocked = get("unclocked");
	while (get("clk_enabled"))
		vb2f_sleep_us(1000);
	spurious();
	vb2f_sleep_us(50000);
	CHECK(get("unclocked") == unclocked, "registers are read while the clock is off");
	not_ours();
	DO(vb2f_stream(&rs.v, true));
	one_good_job(&rs.v);
	rs_close(&rs);
}

/* The status of a job comes again when no job runs, and is there when the next one starts. */
static void t_done_again(void)
{
	struct rs rs;

	open_one(&rs);
	one_good_job(&rs.v);
	set("raise", !strcmp(node, "rga2") ? 1 << 2 : 1 << 0);
	vb2f_sleep_us(50000);
	set("time_us", LONG_US);
	submit(&rs.v, 1, 1, 2);
	ends_with_model(&rs.v, 1, 1);
	one_good_job(&rs.v);
	rs_close(&rs);
}

/* Hundreds of jobs of contexts that take turns, and are not alike */
static void t_contexts(void)
{
	long long starts = get("starts");
	struct rs rs;
	int i, status;
	pid_t pid[2];

	set("time_us", 300);
	for (i = 0; i < 2; i++) {
		pid[i] = DO(start_child());
		if (pid[i])
			continue;
		struct rs_setup setup = default_setup();

		if (i) {
			setup.in = V4L2_PIX_FMT_RGB24;
			setup.out = V4L2_PIX_FMT_NV12;
			setup.in_width = 200;
		}
		open_with(&rs, &setup);
		play(&rs, 1000 * i, 200);
		rs_close(&rs);
		exit(0);
	}
	for (i = 0; i < 2; i++) {
		DO(waitpid(pid[i], &status, 0));
		CHECK(!status, "a child ended with wait status %#x", status);
	}
	CHECK(get("starts") == starts + 400, "%lld jobs instead of 400", get("starts") - starts);
}

/* The hardware must not run without a fence. */
static void t_attach_fails(void)
{
	struct rs_setup setup = default_setup();
	int fd, nth, ret, refused = 0, without = 0;
	struct hs_done done;
	bool failed = true;
	long long starts;
	struct rs rs;

	fd = DO(vb2f_open_fail_nth());

	setup.out = V4L2_PIX_FMT_NV12M;
	for (nth = 1; failed; nth++) {
		/* New buffers: the old ones have room for a fence. */
		open_with(&rs, &setup);
		set("time_us", SOON_US);
		starts = get("starts");
		rs_fill(&rs, 0, nth);
		hs_wipe(&rs.v, 0);
		DO(vb2f_qcap(&rs.v, 0));
		fail_nth(fd, nth);
		ret = rs_queue_out(&rs, 0, NULL);
		failed = fails_nth(fd);

		CHECK(!ret || failed, "not queued, without a reason: %s", strerrorname_np(-ret));
		if (!ret && was_started(&rs.v, starts, failed, &done)) {
			DO(rs_expect(&rs, rs.out[0]));
			without += !!rs_differ(&rs, rs.v.cap[0].map);
		} else if (!ret) {
			refused++;
		}
		DO(vb2f_stream(&rs.v, false));
		DO(vb2f_stream(&rs.v, true));
		one_good_job(&rs.v);
		rs_close(&rs);
	}
	CHECK(!without, "%d pictures are wrong, and have no V4L2_BUF_FLAG_ERROR", without);
	/* The fence, and room for it in the reservation object of each plane */
	if (fenced())
		CHECK(refused >= 3, "only %d jobs failed", refused);
}

/* A rectangle outside the frame, by numbers that overflow */
static void t_selection(void)
{
	static const struct v4l2_rect rects[] = {
		{ 4000, 0, -3900U, HEIGHT },
		{ 0, 4000, WIDTH, -3900U },
		{ 0x7ffffff0, 0, 0x80000080, HEIGHT },
		{ 40, 0, WIDTH, HEIGHT },
		{ 0, 0, WIDTH, HEIGHT + 1 },
	};
	struct rs_setup setup = default_setup();
	struct v4l2_selection sel;
	unsigned int i, capture;
	struct rs rs;
	int ret;

	DO(rs_open(&rs, &setup));
	for (i = 0; i < sizeof(rects) / sizeof(*rects); i++) {
		for (capture = 0; capture < 2; capture++) {
			sel = (struct v4l2_selection) {
				.type = capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE :
						  V4L2_BUF_TYPE_VIDEO_OUTPUT,
				.target = capture ? V4L2_SEL_TGT_COMPOSE : V4L2_SEL_TGT_CROP,
				.r = rects[i],
			};
			ret = vb2f_ioctl(rs.v.fd, VIDIOC_S_SELECTION, &sel);
			CHECK(ret, "a rectangle outside the frame is accepted");
		}
	}
	DO(rs_start(&rs));
	one_good_job(&rs.v);
	rs_close(&rs);
}

/*
 * Buffers that are larger than the format wants. What the driver makes of their pages has room
 * for as many as that.
 */
static void import_larger(__u32 format, const size_t more[VB2F_MAX_PLANES])
{
	struct rs_setup setup = default_setup();
	size_t size[VB2F_MAX_PLANES];
	void *map[VB2F_MAX_PLANES];
	int fds[VB2F_MAX_PLANES];
	struct hs_done done;
	unsigned int p;
	struct rs rs;

	setup.in = format;
	setup.import_out = true;
	open_with(&rs, &setup);
	for (p = 0; p < rs.op.in.num_planes; p++) {
		size[p] = rs_size(&rs, false, p) + more[p];
		fds[p] = DO(vb2f_alloc_dmabuf(VB2F_HEAP, size[p]));
		map[p] = mmap(NULL, size[p], PROT_READ | PROT_WRITE, MAP_SHARED, fds[p], 0);
		CHECK(map[p] != MAP_FAILED, "no mapping");
		memset(map[p], 0x37, size[p]);
	}
	DO(rs_submit_dmabuf(&rs, 0, 0, fds));
	wait_done(&rs.v, 0, &done);
	CHECK(!done.error, "a job without a fault has V4L2_BUF_FLAG_ERROR");
	DO(rs_expect(&rs, map));
	CHECK(!rs_differ(&rs, rs.v.cap[0].map), "the picture is wrong");
	for (p = 0; p < rs.op.in.num_planes; p++) {
		munmap(map[p], size[p]);
		close(fds[p]);
	}
	rs_close(&rs);
}

static void t_larger(void)
{
	import_larger(V4L2_PIX_FMT_NV12, (const size_t[VB2F_MAX_PLANES]) { 2 * 4096 });
}

/*
 * The first plane with one page more than both have to have, and the second one with so many
 * that they go far beyond the page in which their addresses are
 */
static void t_much_larger(void)
{
	size_t first = WIDTH * HEIGHT, both = first * 3 / 2, more[VB2F_MAX_PLANES];

	more[0] = (both / 4096 + 2) * 4096 - first;
	more[1] = 64 << 20;
	import_larger(V4L2_PIX_FMT_NV12M, more);
}

/*
 * Somebody moves and turns the picture while jobs are programmed: each of them is as it was
 * before or after. Many are queued at once, since what starts in QBUF cannot meet that.
 */
#define QUEUED	8

static void t_moves(void)
{
	const struct v4l2_rect where[2] = {
		{ 0, 0, WIDTH, HEIGHT },
		{ WIDTH / 2, HEIGHT / 2, WIDTH / 2, HEIGHT / 2 },
	};
	struct v4l2_selection sel = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.target = V4L2_SEL_TGT_COMPOSE,
	};
	struct rs_setup setup = default_setup();
	int i, n, how, moved = 0;
	struct hs_done done;
	struct rs rs;
	pid_t pid;

	setup.nout = QUEUED;
	setup.ncap = QUEUED;
	open_with(&rs, &setup);
	set("time_us", 1000);
	pid = DO(start_child());
	for (i = 0; !pid; i++) {
		sel.r = where[i % 2];
		DO(vb2f_ioctl(rs.v.fd, VIDIOC_S_SELECTION, &sel));
		DO(vb2f_set_ctrl(&rs.v, V4L2_CID_ROTATE, i / 2 % 2 * 180));
	}
	for (n = 0; n < 50; n++) {
		for (i = 0; i < QUEUED; i++)
			submit(&rs.v, i, i, n + i);
		for (i = 0; i < QUEUED; i++) {
			wait_done(&rs.v, i, &done);
			CHECK(!done.error, "a job without a fault has V4L2_BUF_FLAG_ERROR");
		}
		for (i = 0; i < QUEUED; i++) {
			for (how = 0; how < 4; how++) {
				rs.op.compose = where[how % 2];
				rs.op.rotate = how / 2 * 180;
				DO(rs_expect(&rs, rs.out[i]));
				if (!rs_differ(&rs, rs.v.cap[i].map))
					break;
			}
			CHECK(how < 4, "a picture is neither here nor there");
			moved += how > 0;
		}
	}
	CHECK(moved, "nothing has moved");
	kill(pid, SIGKILL);
	vb2f_wait_child(pid);
	rs_close(&rs);
}

/* An event of a control is still subscribed to when the file is closed. */
static void t_events(void)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL, .id = V4L2_CID_HFLIP };
	struct rs rs;

	open_one(&rs);
	DO(vb2f_ioctl(rs.v.fd, VIDIOC_SUBSCRIBE_EVENT, &sub));
	one_good_job(&rs.v);
	rs_close(&rs);
}

/* A file that is open has its controls, and what does not fit into memory is not open. */
static void t_open_fails(void)
{
	struct v4l2_control ctrl = { .id = V4L2_CID_ROTATE };
	int fd, nth, dev, first, refused = 0;
	char path[32];
	bool failed = true;
	struct rs rs;

	first = DO(rs_open_video(node));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", first);
	fd = DO(vb2f_open_fail_nth());
	for (nth = 1; failed; nth++) {
		fail_nth(fd, nth);
		dev = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		failed = fails_nth(fd);
		if (dev < 0) {
			CHECK(failed, "open() fails without a reason");
			refused++;
			continue;
		}
		if (!strcmp(node, "rga2"))
			DO(vb2f_ioctl(dev, VIDIOC_G_CTRL, &ctrl));
		close(dev);
	}
	CHECK(refused, "no open() failed");
	close(first);
	open_one(&rs);
	one_good_job(&rs.v);
	rs_close(&rs);
}

#define HANGS	"hung: it cannot|no end after|does not end|is not returned|blocked for more than"

static const struct test tests[] = {
	{ "good", NODES, t_good, 0, 0, 0, 0 },
	{ "error", NODES, t_error, 0, NODES, HANGS, 0 },
	{ "spurious-in-job", NODES, t_spurious_in_job, 0, NODES, "not its own", SURVIVES },
	{ "spurious-idle", NODES, t_spurious_idle, 0, NODES, "not its own", SURVIVES },
	{ "double", NODES, t_double, 0, 0, 0, 0 },
	{ "done-again", NODES, t_done_again, 0, NODES, "at rga_isr", 0 },
	{ "stuck", NODES, t_no_interrupt, "stuck", NODES, HANGS, 0 },
	{ "mute", NODES, t_no_interrupt, "mute", "rga3", HANGS, 0 },
	{ "late", NODES, t_no_interrupt, "late", NODES, "failed job has no", SURVIVES },
	{ "runaway", NODES, t_runaway, 0, "rga2", HANGS, 0 },
	{ "deaf", NODES, t_deaf, 0, NODES, "failed job has no", DEAF | SURVIVES },
	{ "deaf-close", NODES, t_deaf_close, 0, "rga3", HANGS, DEAF },
	{ "streamoff", NODES, t_streamoff, "none", 0, 0, 0 },
	{ "streamoff-stuck", NODES, t_streamoff, "stuck", "rga2", HANGS, 0 },
	{ "close", NODES, t_close, "none", 0, 0, 0 },
	{ "close-stuck", NODES, t_close, "stuck", "rga3", HANGS, 0 },
	{ "kill", NODES, t_kill, "none", 0, 0, 0 },
	{ "kill-stuck", NODES, t_kill, "stuck", "rga2", HANGS, 0 },
	{ "contexts", NODES, t_contexts, 0, 0, 0, 0 },
	{ "attach-fails", NODES, t_attach_fails, 0, 0, 0, 0 },
	{ "open-fails", NODES, t_open_fails, 0, "rga2", "G_CTRL|__mutex_lock", 0 },
	{ "events", "rga2", t_events, 0, "rga2", "mutex.c:.* at __mutex_lock", 0 },
	{ "selection", NODES, t_selection, 0, NODES, "outside the frame", SURVIVES },
	{ "larger", "rga2", t_larger, 0, "rga2", "EINVAL", SURVIVES },
	{ "much-larger", "rga2", t_much_larger, 0, "rga2", "KASAN", 0 },
	{ "moves", "rga2", t_moves, 0, "rga2", "neither here|KASAN|without a fault|" HANGS, 0 },
	{ "unbind", NODES, t_unbind, "none", NODES, "KASAN: slab-use-after-free", 0 },
	{ "unbind-stuck", NODES, t_unbind, "stuck", "rga3", "KASAN: slab-use-after-free", 0 },
	{ "outlives", NODES, t_outlives, 0, 0, 0, FENCES },
	{ "sleep", NODES, t_sleep, 0, 0, 0, ALONE },
	{}
};

int main(int argc, char **argv)
{
	static const char *const nodes[] = { "rga2", "rga3", NULL };
	static const struct test_program program = {
		.name = "faults",
		.driver = "rockchip-rga",
		.nodes = nodes,
		.fenced = NODES,
		.device = rs_device,
		.tests = tests,
		.open = open_any,
		.close = close_any,
		.stream = vb2f_stream,
		.submit = submit,
		.expect = expect_any,
		.spurious = not_ours,
		.longer_us = LONGER_US,
		.sleep_us = LONGER_US,
	};

	return run_tests(&program, argc, argv);
}
