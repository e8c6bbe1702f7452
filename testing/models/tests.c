// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../hantro/submit.h"
#include "tests.h"

#define FAILPAGE	"/sys/kernel/debug/fail_page_alloc/"
#define MAX_NODES	8

static struct shared {
	char why[512];
	bool skipped;
	long long worst_ms[MAX_NODES];
} *shared;

static struct state {
	const char *name;
	char device[64];
	long long unclocked, overlaps, bad, writes_after_stop;
} states[MAX_NODES + 1];

const struct test_program *program;
const struct test *test;
const char *node;
bool fences;

/*
 * What tests are made of
 */

void fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!*shared->why)
		vsnprintf(shared->why, sizeof(shared->why), fmt, args);
	va_end(args);
	_exit(1);
}

void skip(void)
{
	shared->skipped = true;
	_exit(0);
}

bool listed(const char *names, const char *name)
{
	size_t len = strlen(name);
	const char *p = names;

	while (p && (p = strstr(p, name))) {
		if ((p == names || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
		p += len;
	}
	return false;
}

bool fenced(void)
{
	return fences && listed(program->fenced, node);
}

static struct state *state_of(const char *name)
{
	struct state *s;

	for (s = states; s->name && strcmp(s->name, name); s++)
		;
	CHECK(s->name, "no node %s", name);
	return s;
}

const char *device_of(const char *name)
{
	return state_of(name)->device;
}

long long ms_since(__u64 begin)
{
	return (vb2f_now() - begin) / 1000000;
}

void set(const char *knob, long long value)
{
	DO(hs_knob_set_int(node, knob, value));
}

long long get(const char *knob)
{
	return DO(hs_knob_int(node, knob));
}

void next_fault(const char *fault)
{
	DO(hs_knob_set(node, "fault", fault));
	set("fault_count", 1);
}

void worst(long long ms)
{
	long long *is = &shared->worst_ms[state_of(node) - states];

	if (ms > *is)
		*is = ms;
}

long long interrupts(int *irq)
{
	long long sum = 0, n;
	char line[256], *p, *end;
	FILE *f;

	f = fopen("/proc/interrupts", "re");
	CHECK(f, "no /proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		p = strchr(line, ':');
		if (!p || !strstr(line, device_of(node)))
			continue;
		if (irq)
			*irq = atoi(line);
		for (p++; ; p = end) {
			n = strtoll(p, &end, 10);
			if (end == p)
				break;
			sum += n;
		}
	}
	fclose(f);
	return sum;
}

void spurious(void)
{
	__u64 end = vb2f_now() + STUCK_MS * 1000000ULL;
	long long before = interrupts(NULL);

	set("spurious", 1);
	while (interrupts(NULL) == before) {
		CHECK(vb2f_now() < end, "the spurious interrupt did not come");
		vb2f_sleep_us(500);
	}
}

static int try_bind(const char *device, bool bind)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s", program->driver,
		 bind ? "bind" : "unbind");
	return vb2f_write(path, device);
}

void bind_driver(bool bind)
{
	DO(try_bind(device_of(node), bind));
}

void child_ends(pid_t pid)
{
	int ret = vb2f_wait_child(pid);

	CHECK(ret != -ETIMEDOUT, "a child does not end");
	if (ret)
		fail("a child ended with %d", ret);
}

int take(const struct vb2f *v, int cap)
{
	int sync;

	if (!fenced())
		return -1;
	sync = vb2f_wait_active(v, cap);
	CHECK(sync >= 0, "no active fence in flight: %s", strerrorname_np(-sync));
	CHECK(vb2f_poll(v->cap[cap].fd[0], POLLIN, 0) == 0 || vb2f_status(sync),
	      "poll() of the dma-buf is ready, its fence is active");
	return sync;
}

__u64 fence_ends(int sync, int status)
{
	struct vb2f_info info;
	int ret;

	if (sync < 0)
		return 0;
	ret = DO(vb2f_poll(sync, POLLIN, STUCK_MS));
	CHECK(ret, "the fence is still active after %d ms", STUCK_MS);
	DO(vb2f_info(sync, &info));
	CHECK(info.status == status, "the fence ended with %d instead of %d", info.status, status);
	CHECK(info.num == 1, "%d fences instead of one", info.num);
	close(sync);
	return info.fence[0].timestamp_ns;
}

void stays(const void *mem, size_t size, __u64 begin, int ms)
{
	__u64 hash = hs_fnv(HS_FNV_INIT, mem, size);

	while (ms_since(begin) < ms)
		vb2f_sleep_us(20000);
	CHECK(hs_fnv(HS_FNV_INIT, mem, size) == hash,
	      "the buffer is written after it was returned");
}

void no_memory(bool on, int order)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", order);
	if (on) {
		DO(vb2f_write(FAILPAGE "ignore-gfp-wait", "N"));
		DO(vb2f_write(FAILPAGE "min-order", text));
		DO(vb2f_write(FAILPAGE "task-filter", "Y"));
		DO(vb2f_write(FAILPAGE "verbose", "0"));
		DO(vb2f_write(FAILPAGE "times", "-1"));
	}
	DO(vb2f_write("/proc/self/make-it-fail", on ? "1" : "0"));
	DO(vb2f_write(FAILPAGE "probability", on ? "100" : "0"));
}

/*
 * Running them
 */

static void reset_knobs(const char *name)
{
	hs_knob_set(name, "deaf", "0");
	hs_knobs_reset(name);
}

static void remember(void)
{
	struct state *s;

	for (s = states; s->name; s++) {
		reset_knobs(s->name);
		s->unclocked = hs_knob_int(s->name, "unclocked");
		s->overlaps = hs_knob_int(s->name, "overlaps");
		s->bad = hs_knob_int(s->name, "bad");
		s->writes_after_stop = hs_knob_int(s->name, "writes_after_stop");
	}
}

static void complain(const char *name, const char *what)
{
	if (!*shared->why)
		snprintf(shared->why, sizeof(shared->why), "afterwards %s: %s", name, what);
}

static bool suspended(const struct state *s)
{
	__u64 end = vb2f_now() + STUCK_MS * 1000000ULL;
	char path[128], status[16] = "";
	int fd, len;

	snprintf(path, sizeof(path), "/sys/bus/platform/devices/%s/power/runtime_status",
		 s->device);
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		len = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
		close(fd);
		if (len > 0 && !strncmp(status, "suspended", 9))
			return true;
		vb2f_sleep_us(10000);
	} while (vb2f_now() < end);
	return false;
}

static void settle(unsigned int flags)
{
	struct state *s;
	char path[256];

	for (s = states; s->name; s++) {
		reset_knobs(s->name);
		snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s", program->driver,
			 s->device);
		if (access(path, F_OK)) {
			complain(s->name, "not bound");
			try_bind(s->device, true);
		}
		if (hs_wait_active(s->name, false, STUCK_MS))
			complain(s->name, "a job runs");
		if (!suspended(s))
			complain(s->name, "runtime PM is not suspended");
		if (hs_knob_int(s->name, "clk_enabled"))
			complain(s->name, "the clock is on");
		if (hs_knob_int(s->name, "unclocked") != s->unclocked)
			complain(s->name, "registers were used with the clock off");
		if (hs_knob_int(s->name, "bad") != s->bad)
			complain(s->name, "DMA to a bad address");
		if (flags & DEAF)
			continue;
		if (hs_knob_int(s->name, "overlaps") != s->overlaps)
			complain(s->name, "a job was started while another one ran");
		if (hs_knob_int(s->name, "writes_after_stop") != s->writes_after_stop)
			complain(s->name, "it wrote after it had been stopped");
	}
}

static int number;

/* Returns false if nothing can be tested after this. */
static bool run_one(int seconds)
{
	__u64 end = vb2f_now() + seconds * 1000000000ULL;
	int status = -1, tries;
	bool hung = false;
	pid_t pid;

	*shared->why = 0;
	shared->skipped = false;
	remember();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		test->run();
		fflush(stdout);
		_exit(0);
	}
	while (pid > 0 && !waitpid(pid, &status, WNOHANG)) {
		if (vb2f_now() > end) {
			kill(-pid, SIGKILL);
			if (!*shared->why)
				snprintf(shared->why, sizeof(shared->why), "no end after %d s",
					 seconds);
			for (tries = 0; !waitpid(pid, &status, WNOHANG); tries++) {
				hung = tries > 500;
				if (hung)
					break;
				vb2f_sleep_us(10000);
			}
			break;
		}
		vb2f_sleep_us(1000);
	}
	if (pid > 0)
		kill(-pid, SIGKILL);
	if (hung)
		snprintf(shared->why, sizeof(shared->why), "hung: it cannot even be killed");
	else if (status && !*shared->why)
		snprintf(shared->why, sizeof(shared->why), "ended with wait status %#x", status);
	if (!*shared->why)
		settle(test->flags);

	if (*shared->why)
		printf("not ok %d - %s.%s: %s\n", ++number, node, test->name, shared->why);
	else
		printf("ok %d - %s.%s%s\n", ++number, node, test->name,
		       shared->skipped ? " # SKIP not in this kernel" : "");
	fflush(stdout);
	return !hung;
}

static bool selected(int argc, char **argv, bool list)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), "%s.%s", node, test->name);
	for (i = 0; i < argc; i++)
		if (!strcmp(argv[i], name) || !strcmp(argv[i], test->name) ||
		    (!strcmp(argv[i], node) && !(test->flags & ALONE)))
			return true;
	return !argc && (list || !(test->flags & ALONE));
}

static int usage(void)
{
	fprintf(stderr,
		"usage: %s [-f] [-t SECONDS] [NODE|TEST|NODE.TEST]...\n"
		"       %s -l\n"
		"  -f  release fences must be there\n"
		"  -t  the longest that a test may take (120)\n"
		"  -l  list the tests, which are run alone, which a stock kernel survives, and what\n"
		"      they say there\n",
		program->name, program->name);
	return 2;
}

/* A name with a slip in it must not pass by running nothing. */
static bool known(char *name)
{
	int i;

	for (i = 0; program->nodes[i]; i++) {
		node = program->nodes[i];
		for (test = program->tests; test->name; test++)
			if (listed(test->nodes, node) &&
			    (!strcmp(name, node) || selected(1, &name, true)))
				return true;
	}
	return false;
}

static int run_all(int argc, char **argv, int seconds, bool list)
{
	int pass, i, count = 0, failed = 0;

	for (pass = list; pass < 2; pass++) {
		for (i = 0; program->nodes[i]; i++) {
			node = program->nodes[i];
			for (test = program->tests; test->name; test++) {
				if (!listed(test->nodes, node) || !selected(argc, argv, list))
					continue;
				if (list) {
					printf("%s.%s\t%s\t%s\n", node, test->name,
					       test->flags & ALONE ? "alone" :
					       test->flags & SURVIVES ? "survives" : "",
					       listed(test->stock, node) ? test->how : "");
					continue;
				}
				if (test->flags & FENCES && !fenced())
					continue;
				if (!pass) {
					count++;
					continue;
				}
				if (!run_one(seconds))
					return 3;
				failed += !!*shared->why;
			}
		}
		if (!pass)
			printf("TAP version 13\n1..%d\n", count);
	}
	for (i = 0; program->nodes[i]; i++)
		if (shared->worst_ms[i])
			printf("# worst: %lld ms (%s)\n", shared->worst_ms[i], program->nodes[i]);
	return failed || (!count && !list);
}

int run_tests(const struct test_program *p, int argc, char **argv)
{
	int opt, i, seconds = 120;
	bool list = false;

	program = p;
	while ((opt = getopt(argc, argv, "flt:")) != -1) {
		if (opt == 'f')
			fences = true;
		else if (opt == 'l')
			list = true;
		else if (opt == 't')
			seconds = atoi(optarg);
		else
			return usage();
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED || seconds < 1)
		return usage();
	for (i = 0; p->nodes[i] && i < MAX_NODES && !list; i++) {
		states[i].name = p->nodes[i];
		if (p->device(p->nodes[i], states[i].device, sizeof(states[i].device))) {
			fprintf(stderr, "%s: no %s\n", p->name, p->nodes[i]);
			return 1;
		}
	}
	for (i = optind; i < argc; i++) {
		if (!known(argv[i])) {
			fprintf(stderr, "%s: no test %s; -l lists them\n", p->name, argv[i]);
			return 2;
		}
	}
	return run_all(argc - optind, argv + optind, seconds, list);
}
