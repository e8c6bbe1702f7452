// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem2mem.h"

/*
 * What tests are made of
 */

static void submit_two(struct vb2f *v)
{
	program->submit(v, 0, 0, 1);
	program->submit(v, 1, 1, 2);
	DO(hs_wait_active(node, true, STUCK_MS));
}

void wait_done(struct vb2f *v, int cap, struct hs_done *done)
{
	int ret = hs_dq(v, true, done, STUCK_MS);

	if (ret >= 0)
		ret = hs_dq(v, false, NULL, STUCK_MS);
	CHECK(ret != -ETIMEDOUT, "the buffer is not returned within %d ms", STUCK_MS);
	CHECK(ret >= 0, "DQBUF: %s", strerrorname_np(-ret));
	CHECK(done->index == cap, "buffer %d came instead of %d", done->index, cap);
}

static void expect(struct vb2f *v, int out, const struct hs_done *done)
{
	CHECK(!done->error, "a job without a fault has V4L2_BUF_FLAG_ERROR");
	program->expect(v, out, done);
}

void ends_well(struct vb2f *v, int out, int cap)
{
	struct hs_done done;

	wait_done(v, cap, &done);
	expect(v, out, &done);
}

void ends_badly(struct vb2f *v, int cap)
{
	struct hs_done done;

	wait_done(v, cap, &done);
	CHECK(done.error, "a failed job has no V4L2_BUF_FLAG_ERROR");
}

void ends_with_model(struct vb2f *v, int out, int cap)
{
	__u64 end = vb2f_now() + STUCK_MS * 1000000ULL;
	struct hs_done done;
	int ret;

	while ((ret = hs_dq(v, true, &done, 0)) == -ETIMEDOUT) {
		CHECK(vb2f_now() < end, "the buffer is not returned within %d ms", STUCK_MS);
		vb2f_sleep_us(500);
	}
	DO(ret);
	CHECK(!get("active"), "the job was ended while the hardware writes");
	CHECK(done.index == cap, "buffer %d came instead of %d", done.index, cap);
	DO(hs_dq(v, false, NULL, STUCK_MS));
	expect(v, out, &done);
}

void one_good_job(struct vb2f *v)
{
	long long starts = get("starts");

	DO(hs_knob_set(node, "fault", "none"));
	set("time_us", SOON_US);
	if (program->forget)
		program->forget(v);
	program->submit(v, 0, NCAP - 1, 77);
	ends_well(v, 0, NCAP - 1);
	CHECK(get("starts") == starts + 1, "no job was started");
}

/* A request completes a little later than its buffer. */
static void completes(const struct vb2f *v, int out)
{
	CHECK(v->req[out] < 0 || vb2f_poll(v->req[out], POLLPRI, STUCK_MS) > 0,
	      "the request does not complete");
}

void fenced_job(struct vb2f *v, int status)
{
	set("time_us", LONG_US);
	program->submit(v, 0, 0, 1);
	fence_ends(take(v, 0), status);
	if (status == 1)
		ends_well(v, 0, 0);
	else
		ends_badly(v, 0);
}

void still_in_job(int sync)
{
	CHECK(get("active") && (sync < 0 || !vb2f_status(sync)), "too slow: the job has ended");
}

void fail_nth(int fd, int nth)
{
	char text[16];

	CHECK(nth < MAX_NTH, "there is always one more allocation");
	snprintf(text, sizeof(text), "%d", nth);
	DO(pwrite(fd, text, strlen(text), 0));
}

bool fails_nth(int fd)
{
	char text[16] = "";

	DO(pread(fd, text, sizeof(text) - 1, 0));
	DO(pwrite(fd, "0", 1, 0));
	return atoi(text) == 0;
}

bool was_started(struct vb2f *v, long long starts, bool failed, struct hs_done *done)
{
	wait_done(v, 0, done);
	starts = get("starts") - starts;
	if (!done->error) {
		CHECK(starts == 1, "a job was not started, and does not fail");
		return true;
	}
	CHECK(failed, "a job failed without a reason");
	CHECK(!starts, "a job that fails has been started");
	CHECK(vb2f_debug_fences(v->cap[0].fd[0], NULL, NULL) <= 0,
	      "a job that was not started had a fence");
	return false;
}

/*
 * The tests
 */

void t_spurious_in_job(void)
{
	struct vb2f *v = program->open();
	int try, sync, active;

	set("time_us", program->longer_us);
	for (try = 0, active = 0; !active; try++) {
		CHECK(try < 5, "too slow to interrupt a job");
		program->submit(v, 0, 0, try);
		DO(hs_wait_active(node, true, STUCK_MS));
		sync = take(v, 0);
		program->spurious();
		active = get("active");
		ends_with_model(v, 0, 0);
		fence_ends(sync, 1);
	}
	one_good_job(v);
	program->close(v);
}

/* The second interrupt of a job comes when the next one runs. */
void t_double(void)
{
	struct vb2f *v = program->open();
	long long starts, before;
	__u64 begin;
	int try;

	set("time_us", program->longer_us);
	set("extra_us", program->longer_us / 2);
	for (try = 0; ; try++) {
		CHECK(try < 5, "too slow to interrupt the next job");
		starts = get("starts");
		before = interrupts(NULL);
		next_fault("double");
		begin = vb2f_now();
		program->submit(v, 0, 0, 2 * try);
		program->submit(v, 1, 1, 2 * try + 1);
		DO(hs_wait_count(node, "starts", starts + 2, STUCK_MS));
		begin = ms_since(begin);
		DO(hs_dq(v, true, NULL, STUCK_MS));
		DO(hs_dq(v, false, NULL, STUCK_MS));
		ends_with_model(v, 1, 1);
		CHECK(interrupts(NULL) >= before + 3, "the second interrupt did not come");
		if (begin < 3ULL * program->longer_us / 2 / 1000)
			break;
	}
	one_good_job(v);
	program->close(v);
}

/* No interrupt: stuck, mute, late. The driver has to give the job up. */
void t_no_interrupt(void)
{
	struct vb2f *v = program->open();
	long long stopped, jobs, ms;
	__u64 begin, end;

	one_good_job(v);
	stopped = get("stopped");
	jobs = get("jobs");
	set("extra_us", 2500000);
	next_fault(test->fault);
	begin = vb2f_now();
	program->submit(v, 0, 0, 1);
	end = fence_ends(take(v, 0), -ETIMEDOUT);
	ends_badly(v, 0);
	ms = end ? (long long)(end - begin) / 1000000 : ms_since(begin);
	worst(ms);
	if (strcmp(test->fault, "mute"))
		CHECK(get("stopped") == stopped + 1, "the hardware was not stopped");
	else
		CHECK(get("jobs") == jobs + 1, "the model has not ended the job");
	stays(v->cap[0].map[0], v->size[0], begin, 3500);
	/* What the job has left behind must not end the next one. */
	set("time_us", LONG_US);
	program->submit(v, 1, 1, 2);
	ends_with_model(v, 1, 1);
	one_good_job(v);
	program->close(v);
}

/*
 * An error, after which the hardware goes on. (A G2 would say that it does, and be left
 * alone until the time is up.)
 */
void t_runaway(void)
{
	struct vb2f *v = program->open();
	long long stopped;
	__u64 begin;

	stopped = get("stopped");
	set("extra_us", program->longer_us);
	next_fault("runaway");
	begin = vb2f_now();
	fenced_job(v, -EIO);
	stays(v->cap[0].map[0], v->size[0], begin, 3 * program->longer_us / 1000);
	CHECK(get("stopped") == stopped + 1, "the hardware was not stopped");
	one_good_job(v);
	program->close(v);
}

/* The reset does not stop it; only long after is it done. */
void t_deaf(void)
{
	struct vb2f *v = program->open();
	long long starts;
	__u64 begin;

	set("deaf", 1);
	set("extra_us", 8000000);
	next_fault("late");
	starts = get("starts");
	begin = vb2f_now();
	program->submit(v, 0, 0, 1);
	fence_ends(take(v, 0), -ETIMEDOUT);
	ends_badly(v, 0);
	CHECK(get("active"), "the driver waited for hardware that does not stop");
	worst(ms_since(begin));

	program->submit(v, 1, 1, 2);
	ends_badly(v, 1);
	completes(v, 1);
	CHECK(get("starts") == starts + 1, "a job was started while another one runs");
	CHECK(get("active"), "too slow to see a job refused");

	DO(hs_wait_active(node, false, 2 * STUCK_MS));
	set("deaf", 0);
	one_good_job(v);
	program->close(v);
}

/* Where the driver could wait for ever: STREAMOFF and close(). */
void t_deaf_close(void)
{
	struct vb2f *v = program->open();
	__u64 begin;

	set("deaf", 1);
	next_fault("stuck");
	begin = vb2f_now();
	submit_two(v);
	DO(program->stream(v, false));
	program->close(v);
	CHECK(ms_since(begin) < STUCK_MS, "STREAMOFF and close() took %lld ms", ms_since(begin));
	worst(ms_since(begin));
	/* Only the reset lines stop it. */
	bind_driver(false);
	set("deaf", 0);
	bind_driver(true);
	v = program->open();
	one_good_job(v);
	program->close(v);
}

static struct vb2f *start_two(int *sync)
{
	struct vb2f *v = program->open();

	set("time_us", program->longer_us);
	next_fault(test->fault);
	submit_two(v);
	*sync = take(v, 0);
	return v;
}

/* Whatever the job does, its fence has its result, and nobody waits for ever. */
static void has_ended(int sync)
{
	CHECK(sync < 0 || vb2f_status(sync), "the fence is still active");
	fence_ends(sync, strcmp(test->fault, "stuck") ? 1 : -ETIMEDOUT);
}

/* Of two contexts, one goes in mid-job; a fence has the job's own result. */
enum leave { BY_STREAMOFF, BY_CLOSE, BY_KILL };

static void leave(enum leave how)
{
	struct vb2f *v = NULL, *other = program->open();
	int peer, go, sync = -1, fd;
	pid_t pid = -1, opener;
	char path[32], c = 0;
	__u64 begin;

	/* Somebody else who comes meanwhile, and has not got what is left */
	opener = DO(start_peer(&go));
	if (!opener) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", other->fd);
		read(go, &c, 1);
		vb2f_sleep_us(50000);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		_exit(fd < 0 || close(fd));
	}
	if (how == BY_KILL) {
		pid = DO(start_peer(&peer));
		if (!pid) {
			start_two(&sync);
			DO(vb2f_send(peer, &c, 1, &sync, sync >= 0));
			pause();
		}
		DO(vb2f_recv(peer, &c, 1, &sync, fenced()));
	} else {
		v = start_two(&sync);
	}
	CHECK(!fenced() || sync >= 0, "no fence was handed over");
	program->submit(other, 0, 0, 3);
	still_in_job(sync);

	DO(write(go, &c, 1));
	begin = vb2f_now();
	switch (how) {
	case BY_STREAMOFF:
		DO(program->stream(v, false));
		break;
	case BY_CLOSE:
		program->close(v);
		break;
	case BY_KILL:
		kill(pid, SIGKILL);
		CHECK(vb2f_wait_child(pid) != -ETIMEDOUT, "a killed process does not end");
		break;
	}
	CHECK(ms_since(begin) < STUCK_MS, "it took %lld ms", ms_since(begin));
	has_ended(sync);
	CHECK(!vb2f_wait_child(opener), "nobody else can open the device");

	ends_well(other, 0, 0);
	one_good_job(other);
	program->close(other);
	if (how == BY_STREAMOFF) {
		DO(program->stream(v, true));
		one_good_job(v);
		program->close(v);
	}
}

void t_streamoff(void)
{
	leave(BY_STREAMOFF);
}

void t_close(void)
{
	leave(BY_CLOSE);
}

void t_kill(void)
{
	leave(BY_KILL);
}

/*
 * The driver is unbound with a job running and others queued. Those fail, and nobody waits for
 * ever.
 */
void t_unbind(void)
{
	struct vb2f *other = program->open(), *v;
	__u64 begin;
	pid_t pid;
	int sync;

	v = start_two(&sync);
	program->submit(other, 0, 0, 3);
	pid = DO(start_child());
	if (!pid)
		_exit(vb2f_poll(other->fd, POLLIN, STUCK_MS) <= 0);

	still_in_job(sync);
	begin = vb2f_now();
	bind_driver(false);
	CHECK(ms_since(begin) < STUCK_MS, "it took %lld ms to unbind", ms_since(begin));
	has_ended(sync);
	CHECK(!vb2f_wait_child(pid), "poll() of a context whose job fails does not return");
	completes(v, 0);
	completes(v, 1);
	completes(other, 0);
	CHECK(vb2f_poll(v->cap[1].fd[0], POLLIN, STUCK_MS) > 0,
	      "a buffer that was queued stays busy");
	CHECK(hs_dq(v, true, NULL, STUCK_MS) == -ENODEV, "DQBUF after unbind");
	CHECK(vb2f_poll(v->fd, POLLIN, STUCK_MS) & POLLERR, "poll() after unbind");
	CHECK(!get("clk_enabled"), "the clock stays on");
	program->close(v);
	/* Somebody may bind it before the last file is closed. */
	bind_driver(true);
	v = program->open();
	one_good_job(v);
	program->close(other);
	one_good_job(v);
	program->close(v);
}

/* A fence is of nobody's memory but its own. */
void t_outlives(void)
{
	struct vb2f *v = program->open();
	struct vb2f_info before, after;
	int sync;

	set("time_us", program->longer_us);
	program->submit(v, 0, 0, 1);
	sync = take(v, 0);
	DO(vb2f_info(sync, &before));
	still_in_job(sync);
	bind_driver(false);
	program->close(v);
	DO(vb2f_modprobe(true, program->driver));
	CHECK(!vb2f_module_loaded(program->driver), "the driver is still there");
	DO(vb2f_info(sync, &after));
	CHECK(after.status == 1, "the fence ended with %d", after.status);
	CHECK(*before.fence[0].driver_name && *before.fence[0].obj_name, "a fence without names");
	DO(vb2f_modprobe(false, program->driver));
	fence_ends(sync, 1);
	v = program->open();
	one_good_job(v);
	program->close(v);
}

/* System sleep waits for the job that runs; the next one waits for the system. */
void t_sleep(void)
{
	bool stuck = listed(program->fenced, node);
	__u64 begin, end;
	struct hs_done done;
	char state[64] = "";
	int fd, sync, i;
	struct vb2f *v;

	fd = open("/sys/power/state", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, state, sizeof(state) - 1) < 0 || !strstr(state, "mem"))
		skip();
	close(fd);
	DO(vb2f_write("/sys/power/pm_test", "devices"));
	DO(vb2f_write("/sys/module/suspend/parameters/pm_test_delay", "1"));
	v = program->open();
	for (i = 0; i < 1 + stuck; i++) {
		set("time_us", program->sleep_us);
		next_fault(i ? "stuck" : "none");
		submit_two(v);
		sync = take(v, 0);
		begin = vb2f_now();
		DO(vb2f_write("/sys/power/state", "mem"));
		CHECK(ms_since(begin) >= 1000, "that was no sleep");
		CHECK(sync < 0 || vb2f_status(sync), "the fence is active after system sleep");
		end = fence_ends(sync, i ? -ETIMEDOUT : 1);
		CHECK(!end || end > begin, "too slow: the job had ended before");
		CHECK(hs_dq(v, true, &done, 0) == 0, "the running job was not waited for");
		CHECK(done.error == i, "the running job %s", i ? "did not fail" : "was lost");
		DO(hs_dq(v, false, NULL, STUCK_MS));
		ends_well(v, 1, 1);
	}
	one_good_job(v);
	program->close(v);
}
