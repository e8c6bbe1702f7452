// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs that do not just end well, on every modelled core: errors, interrupts that are lost or
 * come twice, blocks that hang, and files, processes and drivers that go away meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include <linux/media.h>

#include "jobs.h"

#define MAX_FRAMES	16

/*
 * @n frames that depend on @seed and each other, two of them queued; what they
 * are like does not depend on what else the node does.
 */
static void play(struct hs *hs, unsigned int seed, int n, __u64 *hash)
{
	struct hs_job job;
	struct hs_done done;
	int i;

	hs_forget(hs);
	for (i = 0; i <= n; i++) {
		/* Not wiped: the buffer may still be referred to. */
		job = (struct hs_job){ .out = i % 2, .cap = i % NCAP, .seed = seed + i };
		if (i < n)
			DO(hs_submit(hs, &job));
		if (!i)
			continue;
		wait_done(&hs->v, (i - 1) % NCAP, &done);
		CHECK(!done.error, "frame %d has V4L2_BUF_FLAG_ERROR", i - 1);
		hash[i - 1] = frame_hash(hs, &done);
	}
}

static void compare(const __u64 *is, const __u64 *should, int n)
{
	int i;

	for (i = 0; i < n; i++)
		CHECK(is[i] == should[i], "frame %d is wrong", i);
}

static void reference(const char *name, enum hs_codec what, unsigned int seed, int n,
		      __u64 *hash)
{
	struct hs hs;
	int i, j;

	open_as(&hs, name, what);
	play(&hs, seed, n, hash);
	hs_close(&hs);
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			CHECK(hash[i] != hash[j], "two frames are the same");
}

/*
 * The tests
 */

static void t_good(void)
{
	__u64 hash[MAX_FRAMES];
	struct hs hs;

	open_one(&hs);
	fenced_job(&hs.v, 1);
	set("time_us", 500);
	play(&hs, 5, MAX_FRAMES, hash);
	hs_close(&hs);
}

/* The status says that the job has failed. */
static void t_status(void)
{
	struct hs hs;

	open_one(&hs);
	next_fault(test->fault);
	fenced_job(&hs.v, -EIO);
	one_good_job(&hs.v);
	hs_close(&hs);
}

static void t_spurious_idle(void)
{
	long long unclocked;
	struct hs hs;

	open_one(&hs);
	one_good_job(&hs.v);
	unclocked = get("unclocked");
	CHECK(!get("clk_enabled"), "the clock is on without a job");
	spurious();
	vb2f_sleep_us(50000);
	CHECK(get("unclocked") == unclocked, "registers are read while the clock is off");
	one_good_job(&hs.v);
	hs_close(&hs);
}

/* Contexts take turns, on this node and on one that shares the mem2mem device. */
static void t_contexts(void)
{
	static const char *const both[] = { "g1i", "g2" };
	bool shares = listed("g1i g2", node);
	__u64 hash[4][MAX_FRAMES], is[MAX_FRAMES];
	struct hs hs;
	pid_t pid[4];
	int i, n = shares ? 4 : 3;

	for (i = 0; i < n; i++) {
		const char *name = shares ? both[i % 2] : node;

		DO(hs_knob_set_int(name, "time_us", 3000));
		reference(name, codec_of(name), 100 * i, MAX_FRAMES, hash[i]);
	}
	for (i = 0; i < n; i++) {
		const char *name = shares ? both[i % 2] : node;

		pid[i] = DO(start_child());
		if (pid[i])
			continue;
		open_as(&hs, name, codec_of(name));
		play(&hs, 100 * i, MAX_FRAMES, is);
		compare(is, hash[i], MAX_FRAMES);
		play(&hs, 100 * i, MAX_FRAMES, is);
		compare(is, hash[i], MAX_FRAMES);
		hs_close(&hs);
		exit(0);
	}
	for (i = 0; i < n; i++)
		child_ends(pid[i]);
}

/* The hardware must not run without a fence. */
static void t_attach_fails(void)
{
	bool jpeg = codec_of(node) == HS_JPEG, failed = true;
	struct hs_job job = { .seed = 9, .intra = true };
	int fd, nth, ret, refused = 0, without = 0;
	struct hs_done done;
	long long starts;
	__u64 right;
	struct hs hs;

	fd = DO(vb2f_open_fail_nth());
	set("time_us", SOON_US);
	reference(node, codec_of(node), 9, 1, &right);

	for (nth = 1; failed; nth++) {
		/* New buffers: the old ones have room for a fence. */
		open_one(&hs);
		starts = get("starts");
		hs_wipe(&hs.v, 0);
		DO(hs_queue_cap(&hs, 0));
		if (!jpeg)
			DO(hs_prepare(&hs, &job));
		fail_nth(fd, nth);
		ret = jpeg ? hs_prepare(&hs, &job) : hs_queue_request(&hs, 0);
		failed = fails_nth(fd);

		CHECK(!ret || failed, "not queued, without a reason: %s", strerrorname_np(-ret));
		if (!ret && was_started(&hs.v, starts, failed, &done))
			without += frame_hash(&hs, &done) != right;
		else if (!ret)
			refused++;
		DO(hs_stream(&hs, false));
		DO(hs_stream(&hs, true));
		one_good_job(&hs.v);
		hs_close(&hs);
	}
	CHECK(!without, "%d frames are wrong, and have no V4L2_BUF_FLAG_ERROR", without);
	/* The fence, and room for it in the reservation object */
	if (fenced())
		CHECK(refused >= 2, "only %d jobs failed", refused);
}

/* A CAPTURE buffer that is held after its first field has no fence until the second. */
static void t_fields(void)
{
	struct hs_job job = { .hold = true, .seed = 1 };
	int try, sync, looks, status;
	struct hs_done done;
	struct hs hs;
	bool active;

	open_as(&hs, node, HS_H264_FIELDS);
	set("time_us", LONG_US);
	for (try = 0, looks = 0; looks < 3; try++) {
		CHECK(try < 5, "too slow to look at the first field");
		looks = 0;
		job.hold = true;
		job.second = false;
		hs_wipe(&hs.v, 0);
		DO(hs_submit(&hs, &job));
		DO(hs_wait_active(node, true, STUCK_MS));
		do {
			status = DO(vb2f_dmabuf_status(hs.v.cap[0].fd[0]));
			active = get("active");
			CHECK(status, "a held buffer has an active fence");
			looks += active;
			vb2f_sleep_us(1000);
		} while (active);
		DO(hs_dq(&hs.v, false, NULL, STUCK_MS));
		CHECK(hs_dq(&hs.v, true, NULL, 0) == -ETIMEDOUT, "a held buffer was returned");

		job.hold = false;
		job.second = true;
		DO(hs_submit(&hs, &job));
		sync = take(&hs.v, 0);
		fence_ends(sync, 1);
		wait_done(&hs.v, 0, &done);
		CHECK(!done.error, "a frame of two fields has V4L2_BUF_FLAG_ERROR");
	}
	hs_close(&hs);
}

/* The node that shares the mem2mem device goes on while this one is unbound. */
static void t_unbind_shared(void)
{
	const char *peer = strcmp(node, "g2") ? "g2" : "g1i";
	__u64 hash[MAX_FRAMES], is[MAX_FRAMES];
	int sock, i;
	char c = 0;
	struct hs hs;
	pid_t pid;

	DO(hs_knob_set_int(peer, "time_us", SOON_US));
	reference(peer, codec_of(peer), 1, MAX_FRAMES, hash);
	pid = DO(start_peer(&sock));
	if (!pid) {
		open_as(&hs, peer, codec_of(peer));
		while (recv(sock, &c, 1, MSG_DONTWAIT) != 1) {
			play(&hs, 1, MAX_FRAMES, is);
			compare(is, hash, MAX_FRAMES);
		}
		hs_close(&hs);
		exit(0);
	}
	set("time_us", LONG_US);
	for (i = 0; i < 3; i++) {
		long long starts = DO(hs_knob_int(peer, "starts"));

		open_one(&hs);
		submit(&hs.v, 0, 0, 1);
		submit(&hs.v, 1, 1, 1);
		DO(hs_wait_active(node, true, STUCK_MS));
		still_in_job(-1);
		bind_driver(false);
		DO(hs_wait_count(peer, "starts", starts + 3, STUCK_MS));
		hs_close(&hs);
		bind_driver(true);
	}
	DO(vb2f_send(sock, &c, 1, NULL, 0));
	child_ends(pid);
	open_one(&hs);
	one_good_job(&hs.v);
	hs_close(&hs);
}

/* A request is a file, too, and may be the last one to be closed. */
static void t_unbind_request(void)
{
	int request[2], media;
	struct hs hs;

	open_one(&hs);
	media = DO(hs_open_media(hs.node));
	DO(vb2f_ioctl(media, MEDIA_IOC_REQUEST_ALLOC, &request[0]));
	DO(vb2f_ioctl(media, MEDIA_IOC_REQUEST_ALLOC, &request[1]));
	close(media);
	bind_driver(false);
	hs_close(&hs);
	CHECK(vb2f_ioctl(request[1], MEDIA_REQUEST_IOC_QUEUE, NULL) < 0,
	      "an empty request can be queued");
	close(request[0]);
	close(request[1]);
	bind_driver(true);
	open_one(&hs);
	one_good_job(&hs.v);
	hs_close(&hs);
}

static const struct test tests[] = {
	{ "good", ALL, t_good, 0, 0, 0, 0 },
	{ "error", ALL, t_status, "error", "vdpu", "no V4L2_BUF_FLAG_ERROR", 0 },
	{ "bus", ALL, t_status, "bus", "vdpu", "no V4L2_BUF_FLAG_ERROR", 0 },
	{ "timeout", ALL, t_status, "timeout", "vdpu", "no V4L2_BUF_FLAG_ERROR", 0 },
	{ "spurious-in-job", ALL, t_spurious_in_job, 0, "vdpu g1 vepu h1",
	  "ended while the hardware writes", 0 },
	{ "double", ALL, t_double, 0, "vdpu vepu", "ended while the hardware writes", 0 },
	{ "spurious-idle", ALL, t_spurious_idle, 0, "vdpu g2 h1",
	  "read while the clock is off", 0 },
	{ "stuck", RESETS, t_no_interrupt, "stuck", ENCODERS, "without a fault has", 0 },
	{ "mute", RESETS, t_no_interrupt, "mute", 0, 0, 0 },
	{ "late", RESETS, t_no_interrupt, "late", 0, 0, 0 },
	{ "runaway", "vdpu vepu g1 h1", t_runaway, 0, "vepu g1",
	  "written after it was returned", 0 },
	{ "deaf", "g2", t_deaf, 0, "g2", "waited for hardware", DEAF },
	{ "deaf-close", "g2", t_deaf_close, 0, "g2", "hung", DEAF },
	{ "streamoff", ALL, t_streamoff, "none", 0, 0, 0 },
	{ "streamoff-stuck", RESETS, t_streamoff, "stuck", 0, 0, 0 },
	{ "close", ALL, t_close, "none", 0, 0, 0 },
	{ "close-stuck", RESETS, t_close, "stuck", 0, 0, 0 },
	{ "kill", ALL, t_kill, "none", 0, 0, 0 },
	{ "kill-stuck", RESETS, t_kill, "stuck", 0, 0, 0 },
	{ "contexts", ALL, t_contexts, 0, 0, 0, 0 },
	{ "fields", "vdpu g1", t_fields, 0, 0, 0, FENCES },
	{ "attach-fails", ALL, t_attach_fails, 0, 0, 0, 0 },
	{ "unbind", ALL, t_unbind, "none", "vdpu g2", "KASAN: slab-use-after-free", 0 },
	{ "unbind-stuck", RESETS, t_unbind, "stuck", "vdpu", "KASAN: slab-use-after-free", 0 },
	{ "unbind-shared", "g1i g2", t_unbind_shared, 0, "g1i g2",
	  "KASAN: slab-use-after-free", 0 },
	{ "unbind-request", G1_LIKE " g2", t_unbind_request, 0, 0, 0, 0 },
	{ "outlives", RESETS, t_outlives, 0, 0, 0, FENCES },
	{ "sleep", ALL, t_sleep, 0, 0, 0, ALONE },
	{}
};

int main(int argc, char **argv)
{
	return run_hantro_tests("faults", tests, argc, argv);
}
