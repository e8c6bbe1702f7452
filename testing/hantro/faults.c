// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs that do not just end well, on every modelled core: errors, interrupts that are lost or
 * come twice, blocks that hang, and files, processes and drivers that go away meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/media.h>

#include "jobs.h"

#define MAX_FRAMES	16
#define MAX_NTH		2000

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
		wait_done(hs, (i - 1) % NCAP, &done);
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

/* A job that does end well, and not before the model has ended it. */
static void ends_with_model(struct hs *hs, int cap)
{
	__u64 end = vb2f_now() + STUCK_MS * 1000000ULL;
	struct hs_done done;
	int ret;

	while ((ret = hs_dq(hs, true, &done, 0)) == -ETIMEDOUT) {
		CHECK(vb2f_now() < end, "the buffer is not returned within %d ms", STUCK_MS);
		vb2f_sleep_us(500);
	}
	DO(ret);
	CHECK(!get("active"), "the job was ended while the hardware writes");
	CHECK(done.index == cap, "buffer %d came instead of %d", done.index, cap);
	DO(hs_dq(hs, false, NULL, STUCK_MS));
	expect_frame(hs, &done);
}

/*
 * The tests
 */

static void t_good(void)
{
	__u64 hash[MAX_FRAMES];
	struct hs hs;
	int sync;

	open_one(&hs);
	set("time_us", LONG_US);
	submit(&hs, 0, 0, 1);
	sync = take(&hs.v, 0);
	fence_ends(sync, 1);
	ends_well(&hs, 0);
	set("time_us", 500);
	play(&hs, 5, MAX_FRAMES, hash);
	hs_close(&hs);
}

/* The status says that the job has failed. */
static void t_status(void)
{
	struct hs hs;
	int sync;

	open_one(&hs);
	set("time_us", LONG_US);
	next_fault(test->fault);
	submit(&hs, 0, 0, 1);
	sync = take(&hs.v, 0);
	fence_ends(sync, -EIO);
	ends_badly(&hs, 0);
	one_good_job(&hs);
	hs_close(&hs);
}

static void t_spurious_in_job(void)
{
	int try, sync, active;
	struct hs hs;

	open_one(&hs);
	set("time_us", LONGER_US);
	for (try = 0, active = 0; !active; try++) {
		CHECK(try < 5, "too slow to interrupt a job");
		submit(&hs, 0, 0, try);
		DO(hs_wait_active(node, true, STUCK_MS));
		sync = take(&hs.v, 0);
		spurious();
		active = get("active");
		ends_with_model(&hs, 0);
		fence_ends(sync, 1);
	}
	one_good_job(&hs);
	hs_close(&hs);
}

/* The second interrupt of a job comes when the next one runs. */
static void t_double(void)
{
	long long starts, before;
	struct hs hs;
	__u64 begin;
	int try;

	open_one(&hs);
	set("time_us", LONGER_US);
	set("extra_us", LONGER_US / 2);
	for (try = 0; ; try++) {
		CHECK(try < 5, "too slow to interrupt the next job");
		starts = get("starts");
		before = interrupts(NULL);
		next_fault("double");
		begin = vb2f_now();
		submit(&hs, 0, 0, 2 * try);
		submit(&hs, 1, 1, 2 * try + 1);
		DO(hs_wait_count(node, "starts", starts + 2, STUCK_MS));
		begin = ms_since(begin);
		DO(hs_dq(&hs, true, NULL, STUCK_MS));
		DO(hs_dq(&hs, false, NULL, STUCK_MS));
		ends_with_model(&hs, 1);
		CHECK(interrupts(NULL) >= before + 3, "the second interrupt did not come");
		if (begin < 3 * LONGER_US / 2 / 1000)
			break;
	}
	one_good_job(&hs);
	hs_close(&hs);
}

static void t_spurious_idle(void)
{
	long long unclocked;
	struct hs hs;

	open_one(&hs);
	one_good_job(&hs);
	unclocked = get("unclocked");
	CHECK(!get("clk_enabled"), "the clock is on without a job");
	spurious();
	vb2f_sleep_us(50000);
	CHECK(get("unclocked") == unclocked, "registers are read while the clock is off");
	one_good_job(&hs);
	hs_close(&hs);
}

/* No interrupt: stuck, mute, late. The driver has to give the job up. */
static void t_no_interrupt(void)
{
	long long stopped, jobs, ms;
	__u64 begin, end;
	struct hs hs;
	int sync;

	open_one(&hs);
	one_good_job(&hs);
	stopped = get("stopped");
	jobs = get("jobs");
	set("extra_us", 2500000);
	next_fault(test->fault);
	begin = vb2f_now();
	submit(&hs, 0, 0, 1);
	sync = take(&hs.v, 0);
	end = fence_ends(sync, -ETIMEDOUT);
	ends_badly(&hs, 0);
	ms = end ? (long long)(end - begin) / 1000000 : ms_since(begin);
	worst(ms);
	if (strcmp(test->fault, "mute"))
		CHECK(get("stopped") == stopped + 1, "the hardware was not stopped");
	else
		CHECK(get("jobs") == jobs + 1, "the model has not ended the job");
	stays(hs.v.cap[0].map[0], hs.v.size[0], begin, 3500);
	one_good_job(&hs);
	one_good_job(&hs);
	hs_close(&hs);
}

/*
 * An error, after which the hardware goes on. (A G2 would say that it does, and be left
 * alone until the time is up.)
 */
static void t_runaway(void)
{
	long long stopped;
	struct hs hs;
	__u64 begin;
	int sync;

	open_one(&hs);
	stopped = get("stopped");
	set("time_us", LONG_US);
	set("extra_us", LONGER_US);
	next_fault("runaway");
	begin = vb2f_now();
	submit(&hs, 0, 0, 1);
	sync = take(&hs.v, 0);
	fence_ends(sync, -EIO);
	ends_badly(&hs, 0);
	stays(hs.v.cap[0].map[0], hs.v.size[0], begin, 3 * LONGER_US / 1000);
	CHECK(get("stopped") == stopped + 1, "the hardware was not stopped");
	one_good_job(&hs);
	hs_close(&hs);
}

/* A G2 that does not stop, until it is done long after. */
static void t_deaf(void)
{
	long long starts;
	__u64 begin;
	struct hs hs;
	int sync;

	open_one(&hs);
	set("deaf", 1);
	set("extra_us", 8000000);
	next_fault("late");
	starts = get("starts");
	begin = vb2f_now();
	submit(&hs, 0, 0, 1);
	sync = take(&hs.v, 0);
	fence_ends(sync, -ETIMEDOUT);
	ends_badly(&hs, 0);
	CHECK(get("active"), "the driver waited for hardware that does not stop");
	worst(ms_since(begin));

	submit(&hs, 1, 1, 2);
	ends_badly(&hs, 1);
	DO(hs_wait_request(&hs, 1, STUCK_MS));
	CHECK(get("starts") == starts + 1, "a job was started while another one runs");
	CHECK(get("active"), "too slow to see a job refused");

	DO(hs_wait_active(node, false, 2 * STUCK_MS));
	set("deaf", 0);
	one_good_job(&hs);
	hs_close(&hs);
}

/* Where the driver could wait for ever: STREAMOFF and close(). */
static void t_deaf_close(void)
{
	__u64 begin;
	struct hs hs;

	open_one(&hs);
	set("deaf", 1);
	next_fault("stuck");
	begin = vb2f_now();
	submit(&hs, 0, 0, 1);
	submit(&hs, 1, 1, 2);
	DO(hs_wait_active(node, true, STUCK_MS));
	DO(hs_stream(&hs, false));
	hs_close(&hs);
	CHECK(ms_since(begin) < STUCK_MS, "STREAMOFF and close() took %lld ms", ms_since(begin));
	worst(ms_since(begin));
	/* Only the reset line stops it. */
	bind_driver(false);
	set("deaf", 0);
	bind_driver(true);
	open_one(&hs);
	one_good_job(&hs);
	hs_close(&hs);
}

static void start_two(struct hs *hs, int *sync)
{
	open_one(hs);
	set("time_us", LONGER_US);
	next_fault(test->fault);
	submit(hs, 0, 0, 1);
	submit(hs, 1, 1, 2);
	DO(hs_wait_active(node, true, STUCK_MS));
	*sync = take(&hs->v, 0);
}

static void still_in_job(int sync)
{
	CHECK(get("active") && (sync < 0 || !vb2f_status(sync)), "too slow: the job has ended");
}

/* Of two contexts, one goes in mid-job; a fence has the job's own result. */
enum leave { BY_STREAMOFF, BY_CLOSE, BY_KILL };

static void leave(enum leave how)
{
	bool stuck = !strcmp(test->fault, "stuck");
	struct hs hs, other;
	int pair[2], sync = -1;
	__u64 begin;
	pid_t pid = -1;
	char c = 0;

	open_one(&other);
	if (how == BY_KILL) {
		DO(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
		pid = start_child();
		if (!pid) {
			start_two(&hs, &sync);
			DO(vb2f_send(pair[1], &c, 1, &sync, sync >= 0));
			pause();
		}
		DO(vb2f_recv(pair[0], &c, 1, &sync, fenced()));
	} else {
		start_two(&hs, &sync);
	}
	CHECK(!fenced() || sync >= 0, "no fence was handed over");
	submit(&other, 0, 0, 3);
	still_in_job(sync);

	begin = vb2f_now();
	switch (how) {
	case BY_STREAMOFF:
		DO(hs_stream(&hs, false));
		break;
	case BY_CLOSE:
		hs_close(&hs);
		break;
	case BY_KILL:
		kill(pid, SIGKILL);
		CHECK(vb2f_wait_child(pid) != -ETIMEDOUT, "a killed process does not end");
		break;
	}
	CHECK(ms_since(begin) < STUCK_MS, "it took %lld ms", ms_since(begin));
	CHECK(sync < 0 || vb2f_status(sync), "the fence is still active");
	fence_ends(sync, stuck ? -ETIMEDOUT : 1);

	ends_well(&other, 0);
	one_good_job(&other);
	hs_close(&other);
	if (how == BY_STREAMOFF) {
		DO(hs_stream(&hs, true));
		one_good_job(&hs);
		hs_close(&hs);
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

		pid[i] = start_child();
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
	struct hs_job job = { .intra = true };
	int fd, nth, ret, refused = 0, without = 0;
	long long starts, ran;
	__u64 right, hash;
	struct hs_done done;
	bool failed = true;
	char text[16];
	struct hs hs;

	fd = DO(vb2f_open_fail_nth());
	set("time_us", SOON_US);
	reference(node, codec_of(node), 9, 1, &right);

	job.seed = 9;
	for (nth = 1; failed; nth++) {
		CHECK(nth < MAX_NTH, "there is always one more allocation");
		/* New buffers: the old ones have room for a fence. */
		open_one(&hs);
		starts = get("starts");
		hs_wipe(&hs, 0);
		DO(hs_queue_cap(&hs, 0));
		if (codec_of(node) != HS_JPEG)
			DO(hs_prepare(&hs, &job));
		snprintf(text, sizeof(text), "%d", nth);
		DO(pwrite(fd, text, strlen(text), 0));
		ret = codec_of(node) == HS_JPEG ? hs_prepare(&hs, &job) : hs_queue_request(&hs, 0);
		memset(text, 0, sizeof(text));
		DO(pread(fd, text, sizeof(text) - 1, 0));
		DO(pwrite(fd, "0", 1, 0));
		failed = atoi(text) == 0;

		CHECK(!ret || failed, "not queued, without a reason: %s", strerrorname_np(-ret));
		if (!ret) {
			wait_done(&hs, 0, &done);
			ran = get("starts") - starts;
			if (done.error) {
				CHECK(failed, "a job failed without a reason");
				CHECK(!ran, "a job that fails has been started");
				CHECK(vb2f_debug_fences(hs.v.cap[0].fd[0], NULL, NULL) <= 0,
				      "a job that was not started had a fence");
				refused++;
			} else {
				CHECK(ran == 1, "a job was not started, and does not fail");
				hash = frame_hash(&hs, &done);
				without += hash != right;
			}
		}
		DO(hs_stream(&hs, false));
		DO(hs_stream(&hs, true));
		one_good_job(&hs);
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
		hs_wipe(&hs, 0);
		DO(hs_submit(&hs, &job));
		DO(hs_wait_active(node, true, STUCK_MS));
		do {
			status = DO(vb2f_dmabuf_status(hs.v.cap[0].fd[0]));
			active = get("active");
			CHECK(status, "a held buffer has an active fence");
			looks += active;
			vb2f_sleep_us(1000);
		} while (active);
		DO(hs_dq(&hs, false, NULL, STUCK_MS));
		CHECK(hs_dq(&hs, true, NULL, 0) == -ETIMEDOUT, "a held buffer was returned");

		job.hold = false;
		job.second = true;
		DO(hs_submit(&hs, &job));
		sync = take(&hs.v, 0);
		fence_ends(sync, 1);
		wait_done(&hs, 0, &done);
		CHECK(!done.error, "a frame of two fields has V4L2_BUF_FLAG_ERROR");
	}
	hs_close(&hs);
}

/*
 * The driver is unbound with a job running and another one queued. That one
 * fails, and nobody waits for ever.
 */
static void t_unbind(void)
{
	bool stuck = !strcmp(test->fault, "stuck");
	struct hs hs, other;
	__u64 begin;
	pid_t pid;
	int sync;

	open_one(&other);
	start_two(&hs, &sync);
	submit(&other, 0, 0, 3);
	pid = start_child();
	if (!pid)
		_exit(vb2f_poll(other.v.fd, POLLIN, STUCK_MS) <= 0);

	still_in_job(sync);
	begin = vb2f_now();
	bind_driver(false);
	CHECK(ms_since(begin) < STUCK_MS, "it took %lld ms to unbind", ms_since(begin));
	CHECK(sync < 0 || vb2f_status(sync), "the fence is still active");
	fence_ends(sync, stuck ? -ETIMEDOUT : 1);
	CHECK(!vb2f_wait_child(pid), "poll() of a context whose job fails does not return");
	if (codec_of(node) != HS_JPEG) {
		DO(hs_wait_request(&hs, 0, STUCK_MS));
		DO(hs_wait_request(&hs, 1, STUCK_MS));
		DO(hs_wait_request(&other, 0, STUCK_MS));
	}
	CHECK(vb2f_poll(hs.v.cap[1].fd[0], POLLIN, STUCK_MS) > 0,
	      "a buffer that was queued stays busy");
	CHECK(hs_dq(&hs, true, NULL, STUCK_MS) == -ENODEV, "DQBUF after unbind");
	CHECK(vb2f_poll(hs.v.fd, POLLIN, STUCK_MS) & POLLERR, "poll() after unbind");
	hs_close(&hs);
	/* Somebody may bind it before the last file is closed. */
	bind_driver(true);
	open_one(&hs);
	one_good_job(&hs);
	hs_close(&other);
	one_good_job(&hs);
	hs_close(&hs);
}

/* The node that shares the mem2mem device goes on while this one is unbound. */
static void t_unbind_shared(void)
{
	const char *peer = strcmp(node, "g2") ? "g2" : "g1i";
	__u64 hash[MAX_FRAMES], is[MAX_FRAMES];
	int pair[2], i;
	char c = 0;
	struct hs hs;
	pid_t pid;

	DO(hs_knob_set_int(peer, "time_us", SOON_US));
	reference(peer, codec_of(peer), 1, MAX_FRAMES, hash);
	DO(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	pid = start_child();
	if (!pid) {
		open_as(&hs, peer, codec_of(peer));
		while (recv(pair[1], &c, 1, MSG_DONTWAIT) != 1) {
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
		submit(&hs, 0, 0, 1);
		submit(&hs, 1, 1, 1);
		DO(hs_wait_active(node, true, STUCK_MS));
		still_in_job(-1);
		bind_driver(false);
		DO(hs_wait_count(peer, "starts", starts + 3, STUCK_MS));
		hs_close(&hs);
		bind_driver(true);
	}
	DO(vb2f_send(pair[0], &c, 1, NULL, 0));
	child_ends(pid);
	open_one(&hs);
	one_good_job(&hs);
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
	one_good_job(&hs);
	hs_close(&hs);
}

/* A fence is of nobody's memory but its own. */
static void t_outlives(void)
{
	struct vb2f_info before, after;
	struct hs hs;
	int sync;

	open_one(&hs);
	set("time_us", LONGER_US);
	submit(&hs, 0, 0, 1);
	sync = take(&hs.v, 0);
	DO(vb2f_info(sync, &before));
	still_in_job(sync);
	bind_driver(false);
	hs_close(&hs);
	DO(vb2f_modprobe(true, "hantro-vpu"));
	CHECK(access("/sys/module/hantro_vpu", F_OK), "the driver is still there");
	DO(vb2f_info(sync, &after));
	CHECK(after.status == 1, "the fence ended with %d", after.status);
	CHECK(*before.fence[0].driver_name && *before.fence[0].obj_name, "a fence without names");
	DO(vb2f_modprobe(false, "hantro-vpu"));
	fence_ends(sync, 1);
	open_one(&hs);
	one_good_job(&hs);
	hs_close(&hs);
}

/* System sleep waits for the job that runs; the next one waits for the system. */
static void t_sleep(void)
{
	bool stuck = listed(RESETS, node);
	__u64 begin, end;
	struct hs_done done;
	char state[64] = "";
	int fd, sync, i;
	struct hs hs;

	fd = open("/sys/power/state", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, state, sizeof(state) - 1) < 0 || !strstr(state, "mem"))
		skip();
	close(fd);
	DO(vb2f_write("/sys/power/pm_test", "devices"));
	DO(vb2f_write("/sys/module/suspend/parameters/pm_test_delay", "1"));
	open_one(&hs);
	for (i = 0; i < 1 + stuck; i++) {
		/* The system does not sleep as long as that. */
		set("time_us", 1600000);
		next_fault(i ? "stuck" : "none");
		submit(&hs, 0, 0, 1);
		submit(&hs, 1, 1, 2);
		DO(hs_wait_active(node, true, STUCK_MS));
		sync = take(&hs.v, 0);
		begin = vb2f_now();
		DO(vb2f_write("/sys/power/state", "mem"));
		CHECK(ms_since(begin) >= 1000, "that was no sleep");
		CHECK(sync < 0 || vb2f_status(sync), "the fence is active after system sleep");
		end = fence_ends(sync, i ? -ETIMEDOUT : 1);
		CHECK(!end || end > begin, "too slow: the job had ended before");
		CHECK(hs_dq(&hs, true, &done, 0) == 0, "the running job was not waited for");
		CHECK(done.error == i, "the running job %s", i ? "did not fail" : "was lost");
		DO(hs_dq(&hs, false, NULL, STUCK_MS));
		ends_well(&hs, 1);
	}
	one_good_job(&hs);
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
