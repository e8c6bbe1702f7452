// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs that do not just end well, on both generations of RGA: errors, interrupts that are lost,
 * come twice or belong to somebody else, blocks that hang, and files, processes and drivers that
 * go away meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../hantro/submit.h"
#include "../models/tests.h"
#include "submit.h"

#define NODES		"rga2 rga3"
#define WIDTH		144
#define HEIGHT		128
#define NOUT		2
#define NCAP		4
#define MAX_NTH		2000

/* A job with these takes long enough to be looked at, and ends before the time-out. */
#define SOON_US		10000
#define LONG_US		300000
#define LONGER_US	600000

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

static void submit(struct rs *rs, int out, int cap, unsigned int seed)
{
	DO(rs_submit(rs, out, cap, seed));
}

static void wait_done(struct rs *rs, int cap, struct rs_done *done)
{
	int ret = rs_finish(rs, done, STUCK_MS);

	CHECK(ret != -ETIMEDOUT, "the buffer is not returned within %d ms", STUCK_MS);
	CHECK(!ret, "DQBUF: %s", strerrorname_np(-ret));
	CHECK(done->index == cap, "buffer %d came instead of %d", done->index, cap);
}

/* What was in the OUTPUT buffer is in the CAPTURE buffer now, as it should be. */
static void expect_picture(struct rs *rs, int out, const struct rs_done *done)
{
	size_t n;

	CHECK(!done->error, "a job without a fault has V4L2_BUF_FLAG_ERROR");
	DO(rs_expect(rs, rs->out[out]));
	n = rs_differ(rs, rs->v.cap[done->index].map);
	CHECK(!n, "%zu bytes of the picture are wrong", n);
}

static void ends_well(struct rs *rs, int out, int cap)
{
	struct rs_done done;

	wait_done(rs, cap, &done);
	expect_picture(rs, out, &done);
}

static void ends_badly(struct rs *rs, int cap)
{
	struct rs_done done;

	wait_done(rs, cap, &done);
	CHECK(done.error, "a failed job has no V4L2_BUF_FLAG_ERROR");
}

static void one_good_job(struct rs *rs)
{
	long long starts = get("starts");

	DO(hs_knob_set(node, "fault", "none"));
	set("time_us", SOON_US);
	submit(rs, 0, NCAP - 1, 77);
	ends_well(rs, 0, NCAP - 1);
	CHECK(get("starts") == starts + 1, "no job was started");
}

static void picture_stays(struct rs *rs, int cap, __u64 begin, int ms)
{
	stays(rs->v.cap[cap].map[0], rs->v.size[0], begin, ms);
}

/* @n pictures, two of them queued */
static void play(struct rs *rs, unsigned int seed, int n)
{
	int i;

	for (i = 0; i <= n; i++) {
		if (i < n)
			submit(rs, i % NOUT, i % NCAP, seed + i);
		if (i)
			ends_well(rs, (i - 1) % NOUT, (i - 1) % NCAP);
	}
}

/* A job that does end well, and not before the model has ended it. */
static void ends_with_model(struct rs *rs, int out, int cap)
{
	__u64 end = vb2f_now() + STUCK_MS * 1000000ULL;
	struct rs_done done;
	int ret;

	while ((ret = rs_dq(rs, true, &done, 0)) == -ETIMEDOUT) {
		CHECK(vb2f_now() < end, "the buffer is not returned within %d ms", STUCK_MS);
		vb2f_sleep_us(500);
	}
	DO(ret);
	CHECK(!get("active"), "the job was ended while the hardware writes");
	CHECK(done.index == cap, "buffer %d came instead of %d", done.index, cap);
	DO(rs_dq(rs, false, NULL, STUCK_MS));
	expect_picture(rs, out, &done);
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
	int sync;

	open_one(&rs);
	set("time_us", LONG_US);
	submit(&rs, 0, 0, 1);
	sync = take(&rs.v, 0);
	fence_ends(sync, 1);
	ends_well(&rs, 0, 0);
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
	struct rs_done done;
	struct rs rs;

	open_one(&rs);
	for (i = 0; i < n; i++) {
		set("time_us", i ? SOON_US : LONG_US);
		set("error_bits", bits[i]);
		next_fault("error");
		submit(&rs, 0, 0, 1);
		sync = i ? -1 : take(&rs.v, 0);
		fence_ends(sync, -EIO);
		wait_done(&rs, 0, &done);
		CHECK(done.error, "error %#x: no V4L2_BUF_FLAG_ERROR", bits[i]);
		one_good_job(&rs);
	}
	set("error_bits", usual);
	rs_close(&rs);
}

static void t_spurious_in_job(void)
{
	int try, sync, active;
	struct rs rs;

	open_one(&rs);
	set("time_us", LONGER_US);
	for (try = 0, active = 0; !active; try++) {
		CHECK(try < 5, "too slow to interrupt a job");
		submit(&rs, 0, 0, try);
		DO(hs_wait_active(node, true, STUCK_MS));
		sync = take(&rs.v, 0);
		not_ours();
		active = get("active");
		ends_with_model(&rs, 0, 0);
		fence_ends(sync, 1);
	}
	one_good_job(&rs);
	rs_close(&rs);
}

/* With the clock off, as the neighbour on the line does not care; and with the clock on */
static void t_spurious_idle(void)
{
	long long unclocked;
	struct rs rs;

	open_one(&rs);
	one_good_job(&rs);
	not_ours();
	one_good_job(&rs);
	DO(vb2f_stream(&rs.v, false));
	unclocked = get("unclocked");
	while (get("clk_enabled"))
		vb2f_sleep_us(1000);
	spurious();
	vb2f_sleep_us(50000);
	CHECK(get("unclocked") == unclocked, "registers are read while the clock is off");
	not_ours();
	DO(vb2f_stream(&rs.v, true));
	one_good_job(&rs);
	rs_close(&rs);
}

/* The second interrupt of a job comes when the next one runs. */
static void t_double(void)
{
	long long starts;
	struct rs rs;
	__u64 begin;
	int try;

	open_one(&rs);
	set("time_us", LONGER_US);
	set("extra_us", LONGER_US / 2);
	for (try = 0; ; try++) {
		CHECK(try < 5, "too slow to interrupt the next job");
		starts = get("starts");
		next_fault("double");
		begin = vb2f_now();
		submit(&rs, 0, 0, 2 * try);
		submit(&rs, 1, 1, 2 * try + 1);
		DO(hs_wait_count(node, "starts", starts + 2, STUCK_MS));
		begin = ms_since(begin);
		DO(rs_dq(&rs, true, NULL, STUCK_MS));
		DO(rs_dq(&rs, false, NULL, STUCK_MS));
		ends_with_model(&rs, 1, 1);
		if (begin < 3 * LONGER_US / 2 / 1000)
			break;
	}
	one_good_job(&rs);
	rs_close(&rs);
}

/* The status of a job comes again when no job runs, and is there when the next one starts. */
static void t_done_again(void)
{
	struct rs rs;

	open_one(&rs);
	one_good_job(&rs);
	set("raise", !strcmp(node, "rga2") ? 1 << 2 : 1 << 0);
	vb2f_sleep_us(50000);
	set("time_us", LONG_US);
	submit(&rs, 1, 1, 2);
	ends_with_model(&rs, 1, 1);
	one_good_job(&rs);
	rs_close(&rs);
}

/* No interrupt: stuck, mute, late. The driver has to give the job up. */
static void t_no_interrupt(void)
{
	long long stopped, jobs, ms;
	__u64 begin, end;
	struct rs rs;
	int sync;

	open_one(&rs);
	one_good_job(&rs);
	stopped = get("stopped");
	jobs = get("jobs");
	set("extra_us", 2000000);
	next_fault(test->fault);
	begin = vb2f_now();
	submit(&rs, 0, 0, 1);
	sync = take(&rs.v, 0);
	end = fence_ends(sync, -ETIMEDOUT);
	ends_badly(&rs, 0);
	ms = end ? (long long)(end - begin) / 1000000 : ms_since(begin);
	worst(ms);
	if (strcmp(test->fault, "mute"))
		CHECK(get("stopped") == stopped + 1, "the hardware was not stopped");
	else
		CHECK(get("jobs") == jobs + 1, "the model has not ended the job");
	if (!strcmp(test->fault, "late"))
		picture_stays(&rs, 0, begin, 2500);
	/* What the job has left behind must not end the next one. */
	set("time_us", LONG_US);
	submit(&rs, 1, 1, 2);
	ends_with_model(&rs, 1, 1);
	one_good_job(&rs);
	rs_close(&rs);
}

/* An error, after which the hardware goes on. */
static void t_runaway(void)
{
	long long stopped;
	struct rs rs;
	__u64 begin;
	int sync;

	open_one(&rs);
	stopped = get("stopped");
	set("time_us", LONG_US);
	set("extra_us", LONGER_US);
	next_fault("runaway");
	begin = vb2f_now();
	submit(&rs, 0, 0, 1);
	sync = take(&rs.v, 0);
	fence_ends(sync, -EIO);
	ends_badly(&rs, 0);
	picture_stays(&rs, 0, begin, (LONG_US + 2 * LONGER_US) / 1000);
	CHECK(get("stopped") == stopped + 1, "the hardware was not stopped");
	one_good_job(&rs);
	rs_close(&rs);
}

/* The reset does not stop it; only much later is it done. */
static void t_deaf(void)
{
	long long starts;
	__u64 begin;
	struct rs rs;
	int sync;

	open_one(&rs);
	set("deaf", 1);
	set("extra_us", 6000000);
	next_fault("late");
	starts = get("starts");
	begin = vb2f_now();
	submit(&rs, 0, 0, 1);
	sync = take(&rs.v, 0);
	fence_ends(sync, -ETIMEDOUT);
	ends_badly(&rs, 0);
	CHECK(get("active"), "the driver waited for hardware that does not stop");
	worst(ms_since(begin));

	submit(&rs, 1, 1, 2);
	ends_badly(&rs, 1);
	CHECK(get("starts") == starts + 1, "a job was started while another one runs");
	CHECK(get("active"), "too slow to see a job refused");

	DO(hs_wait_active(node, false, STUCK_MS));
	set("deaf", 0);
	one_good_job(&rs);
	rs_close(&rs);
}

/* Where the driver could wait for ever: STREAMOFF and close(). */
static void t_deaf_close(void)
{
	__u64 begin;
	struct rs rs;

	open_one(&rs);
	set("deaf", 1);
	next_fault("stuck");
	begin = vb2f_now();
	submit(&rs, 0, 0, 1);
	submit(&rs, 1, 1, 2);
	DO(hs_wait_active(node, true, STUCK_MS));
	DO(vb2f_stream(&rs.v, false));
	rs_close(&rs);
	CHECK(ms_since(begin) < STUCK_MS, "STREAMOFF and close() took %lld ms", ms_since(begin));
	worst(ms_since(begin));
	/* Only the reset lines stop it. */
	bind_driver(false);
	set("deaf", 0);
	bind_driver(true);
	open_one(&rs);
	one_good_job(&rs);
	rs_close(&rs);
}

/* Of two contexts, one goes in mid-job; a fence has the job's own result. */
enum leave { BY_STREAMOFF, BY_CLOSE, BY_KILL };

static void start_two(struct rs *rs)
{
	open_one(rs);
	submit(rs, 0, 0, 1);
	submit(rs, 1, 1, 2);
	DO(hs_wait_active(node, true, STUCK_MS));
}

static void leave(enum leave how)
{
	bool stuck = !strcmp(test->fault, "stuck");
	int pair[2], sync = -1, fd;
	pid_t pid = -1, opener;
	struct rs rs, other;
	__u64 begin;
	char c = 0;

	set("time_us", LONG_US);
	next_fault(test->fault);
	if (how == BY_KILL) {
		DO(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
		pid = start_child();
		if (!pid) {
			start_two(&rs);
			sync = take(&rs.v, 0);
			DO(vb2f_send(pair[1], &c, 1, &sync, sync >= 0));
			pause();
		}
		DO(vb2f_recv(pair[0], &c, 1, &sync, 1));
	} else {
		start_two(&rs);
		sync = take(&rs.v, 0);
	}
	CHECK(!fenced() || sync >= 0, "no fence was handed over");
	open_one(&other);
	submit(&other, 0, 0, 3);

	/* Somebody else who comes meanwhile */
	opener = start_child();
	if (!opener) {
		vb2f_sleep_us(50000);
		fd = rs_open_video(node);
		_exit(fd < 0 || close(fd));
	}
	begin = vb2f_now();
	switch (how) {
	case BY_STREAMOFF:
		DO(vb2f_stream(&rs.v, false));
		break;
	case BY_CLOSE:
		rs_close(&rs);
		break;
	case BY_KILL:
		kill(pid, SIGKILL);
		CHECK(vb2f_wait_child(pid) != -ETIMEDOUT, "a killed process does not end");
		break;
	}
	CHECK(ms_since(begin) < STUCK_MS, "it took %lld ms", ms_since(begin));
	CHECK(!vb2f_wait_child(opener), "nobody else can open the device");
	if (sync >= 0)
		CHECK(vb2f_status(sync), "the fence is still active");
	fence_ends(sync, stuck ? -ETIMEDOUT : 1);

	ends_well(&other, 0, 0);
	one_good_job(&other);
	rs_close(&other);
	if (how == BY_STREAMOFF) {
		DO(vb2f_stream(&rs.v, true));
		one_good_job(&rs);
		rs_close(&rs);
	}
}

static void t_streamoff(void)
{
	leave(BY_STREAMOFF);
}

static void t_close(void)
{
	leave(BY_CLOSE);
}

static void t_kill(void)
{
	leave(BY_KILL);
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
		pid[i] = start_child();
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
	long long starts, ran;
	struct rs_done done;
	bool failed = true;
	char text[16];
	struct rs rs;

	fd = DO(vb2f_open_fail_nth());

	setup.out = V4L2_PIX_FMT_NV12M;
	for (nth = 1; failed; nth++) {
		CHECK(nth < MAX_NTH, "there is always one more allocation");
		/* New buffers: the old ones have room for a fence. */
		open_with(&rs, &setup);
		set("time_us", SOON_US);
		starts = get("starts");
		rs_fill(&rs, 0, nth);
		rs_wipe(&rs, 0);
		DO(vb2f_qcap(&rs.v, 0));
		snprintf(text, sizeof(text), "%d", nth);
		DO(pwrite(fd, text, strlen(text), 0));
		ret = rs_queue_out(&rs, 0, NULL);
		memset(text, 0, sizeof(text));
		DO(pread(fd, text, sizeof(text) - 1, 0));
		DO(pwrite(fd, "0", 1, 0));
		failed = atoi(text) == 0;

		CHECK(!ret || failed, "not queued, without a reason: %s", strerrorname_np(-ret));
		if (!ret) {
			wait_done(&rs, 0, &done);
			ran = get("starts") - starts;
			if (done.error) {
				CHECK(failed, "a job failed without a reason");
				CHECK(!ran, "a job that fails has been started");
				CHECK(vb2f_debug_fences(rs.v.cap[0].fd[0], NULL, NULL) <= 0,
				      "a job that was not started had a fence");
				refused++;
			} else {
				CHECK(ran == 1, "a job was not started, and does not fail");
				DO(rs_expect(&rs, rs.out[0]));
				without += !!rs_differ(&rs, rs.v.cap[0].map);
			}
		}
		DO(vb2f_stream(&rs.v, false));
		DO(vb2f_stream(&rs.v, true));
		one_good_job(&rs);
		rs_close(&rs);
	}
	CHECK(!without, "%d pictures are wrong, and have no V4L2_BUF_FLAG_ERROR", without);
	/* The fence, and room for it in the reservation object of each plane */
	if (fenced())
		CHECK(refused >= 3, "only %d jobs failed", refused);
}

/*
 * The driver is unbound with a job running and others queued. Those fail, and nobody waits for
 * ever.
 */
static void t_unbind(void)
{
	bool stuck = !strcmp(test->fault, "stuck");
	struct rs rs, other;
	__u64 begin;
	pid_t pid;
	int sync;

	open_one(&other);
	set("time_us", LONG_US);
	next_fault(test->fault);
	start_two(&rs);
	submit(&other, 0, 0, 3);
	sync = take(&rs.v, 0);
	pid = start_child();
	if (!pid)
		_exit(vb2f_poll(other.v.fd, POLLIN, STUCK_MS) <= 0);

	begin = vb2f_now();
	bind_driver(false);
	CHECK(ms_since(begin) < STUCK_MS, "it took %lld ms to unbind", ms_since(begin));
	if (sync >= 0)
		CHECK(vb2f_status(sync), "the fence is still active");
	fence_ends(sync, stuck ? -ETIMEDOUT : 1);
	CHECK(!vb2f_wait_child(pid), "poll() of a context whose job fails does not return");
	CHECK(vb2f_poll(rs.v.cap[1].fd[0], POLLIN, STUCK_MS) > 0,
	      "a buffer that was queued stays busy");
	CHECK(rs_dq(&rs, true, NULL, STUCK_MS) == -ENODEV, "DQBUF after unbind");
	CHECK(vb2f_poll(rs.v.fd, POLLIN, STUCK_MS) & POLLERR, "poll() after unbind");
	CHECK(!get("clk_enabled"), "the clock stays on");
	rs_close(&rs);
	/* Somebody may bind it before the last file is closed. */
	bind_driver(true);
	open_one(&rs);
	one_good_job(&rs);
	rs_close(&other);
	one_good_job(&rs);
	rs_close(&rs);
}

/* A fence is of nobody's memory but its own. */
static void t_outlives(void)
{
	struct vb2f_info before, after;
	struct rs rs;
	int sync;

	open_one(&rs);
	set("time_us", LONG_US);
	submit(&rs, 0, 0, 1);
	sync = take(&rs.v, 0);
	DO(vb2f_info(sync, &before));
	bind_driver(false);
	rs_close(&rs);
	DO(vb2f_modprobe(true, "rockchip-rga"));
	CHECK(access("/sys/module/rockchip_rga", F_OK), "the driver is still there");
	DO(vb2f_info(sync, &after));
	CHECK(after.status == 1, "the fence ended with %d", after.status);
	CHECK(*before.fence[0].driver_name && *before.fence[0].obj_name, "a fence without names");
	DO(vb2f_modprobe(false, "rockchip-rga"));
	fence_ends(sync, 1);
	open_one(&rs);
	one_good_job(&rs);
	rs_close(&rs);
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
	one_good_job(&rs);
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
	struct rs_done done;
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
	wait_done(&rs, 0, &done);
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
	struct rs_done done;
	struct rs rs;
	pid_t pid;

	setup.nout = QUEUED;
	setup.ncap = QUEUED;
	open_with(&rs, &setup);
	set("time_us", 1000);
	pid = start_child();
	for (i = 0; !pid; i++) {
		sel.r = where[i % 2];
		DO(vb2f_ioctl(rs.v.fd, VIDIOC_S_SELECTION, &sel));
		DO(vb2f_set_ctrl(&rs.v, V4L2_CID_ROTATE, i / 2 % 2 * 180));
	}
	for (n = 0; n < 50; n++) {
		for (i = 0; i < QUEUED; i++)
			submit(&rs, i, i, n + i);
		for (i = 0; i < QUEUED; i++) {
			wait_done(&rs, i, &done);
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
	one_good_job(&rs);
	rs_close(&rs);
}

/* A file that is open has its controls, and what does not fit into memory is not open. */
static void t_open_fails(void)
{
	struct v4l2_control ctrl = { .id = V4L2_CID_ROTATE };
	int fd, nth, dev, first, refused = 0;
	char text[16], path[32];
	bool failed = true;
	struct rs rs;

	first = DO(rs_open_video(node));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", first);
	fd = DO(vb2f_open_fail_nth());
	for (nth = 1; failed; nth++) {
		CHECK(nth < MAX_NTH, "there is always one more allocation");
		snprintf(text, sizeof(text), "%d", nth);
		DO(pwrite(fd, text, strlen(text), 0));
		dev = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		memset(text, 0, sizeof(text));
		DO(pread(fd, text, sizeof(text) - 1, 0));
		DO(pwrite(fd, "0", 1, 0));
		failed = atoi(text) == 0;
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
	one_good_job(&rs);
	rs_close(&rs);
}

/* System sleep waits for the job that runs; the next one waits for the system. */
static void t_sleep(void)
{
	char state[64] = "";
	struct rs_done done;
	__u64 begin, end;
	int fd, sync, i;
	struct rs rs;

	fd = open("/sys/power/state", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, state, sizeof(state) - 1) < 0 || !strstr(state, "mem"))
		skip();
	close(fd);
	DO(vb2f_write("/sys/power/pm_test", "devices"));
	DO(vb2f_write("/sys/module/suspend/parameters/pm_test_delay", "1"));
	open_one(&rs);
	for (i = 0; i < 2; i++) {
		set("time_us", LONGER_US);
		next_fault(i ? "stuck" : "none");
		submit(&rs, 0, 0, 1);
		submit(&rs, 1, 1, 2);
		sync = take(&rs.v, 0);
		DO(hs_wait_active(node, true, STUCK_MS));
		begin = vb2f_now();
		DO(vb2f_write("/sys/power/state", "mem"));
		CHECK(ms_since(begin) >= 1000, "that was no sleep");
		CHECK(sync < 0 || vb2f_status(sync), "the fence is active after system sleep");
		end = fence_ends(sync, i ? -ETIMEDOUT : 1);
		CHECK(!end || end > begin, "too slow: the job had ended before");
		wait_done(&rs, 0, &done);
		CHECK(done.error == i, "the running job %s", i ? "did not fail" : "was lost");
		ends_well(&rs, 1, 1);
	}
	one_good_job(&rs);
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
	};

	return run_tests(&program, argc, argv);
}
