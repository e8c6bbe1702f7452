// SPDX-License-Identifier: GPL-2.0
/*
 * What compositors and other programs do at commit, done by a process that has nothing but the
 * dma-bufs, while the frames are in flight. Was it told in time, and did it read the frame then?
 *
 * With release fences no frame is early, and none is wrong. Without, each way to wait has to be
 * seen to fail, or it proves nothing: "stock" demands that. Early means that the device certainly
 * had the buffer still, wrong that the consumer did not read what the device wrote. (A stock vim2m
 * writes the frame at the beginning of the job, which no hardware does: early is all that there
 * is to see.)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "../hantro/submit.h"
#include "display.h"
#include "kselftest.h"
#include "producer.h"
#include "program.h"
#include "ways.h"

#define WIDTH		192
#define HEIGHT		128
#define SCREEN		128	/* shows the upper left corner */
#define FRAMES		4
#define MIN_MS		30	/* of a job; longer if it was over when it was looked at */
#define MAX_MS		960
#define MAX_GROUP	3	/* producers, whose frames are waited for together */
#define WIPE		0xa5

/* The ways that only this program has */
enum { CLOSING = NWAYS, IN_FENCE, KEPT };

static const char *way_name(int way)
{
	static const char *const more[] = { "closing", "IN_FENCE_FD", "merged later" };

	return way < NWAYS ? ways[way].name : more[way - NWAYS];
}

struct order {
	int way;
	int nfds;			/* of all frames */
	size_t size[MAX_FDS];
	struct display_layout layout;	/* of the first frame */
	int keep;			/* take, and keep, the fences of so many fds, and answer */
};

struct report {
	int ret;
	__u64 asked;
	__u64 told;
	__u64 hash;
	int status;			/* of the fence that was taken, in the end */
};

/*
 * The consumer
 */

struct polled {
	struct pollfd fds[MAX_FDS];
	int n;
};

static void *poll_once(void *data)
{
	struct polled *p = data;

	poll(p->fds, p->n, VB2F_TIMEOUT_MS);
	return NULL;
}

/*
 * An event loop with dma-bufs and sync_files, where some of both, another loop, and what
 * a thread is polling, are closed while they are waited for. The rest has to come.
 */
static int closing(const int *fds, int n)
{
	int loop, other, syncs[2 * MAX_FDS], i, ret = 0, left = 0;
	struct epoll_event event = { .events = EPOLLIN };
	struct polled polled = { .n = n };
	pthread_t thread;

	loop = epoll_create1(EPOLL_CLOEXEC);
	other = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < n; i++) {
		polled.fds[i] = (struct pollfd) { .fd = dup(fds[i]), .events = POLLIN };
		syncs[i] = vb2f_export(fds[i], DMA_BUF_SYNC_READ);
		syncs[n + i] = vb2f_export(fds[i], DMA_BUF_SYNC_READ);
		event.data.fd = fds[i];
		epoll_ctl(other, EPOLL_CTL_ADD, fds[i], &event);
		left += !epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &event);
		event.data.fd = syncs[i];
		left += !epoll_ctl(loop, EPOLL_CTL_ADD, syncs[i], &event);
		event.data.fd = -1;
		epoll_ctl(loop, EPOLL_CTL_ADD, syncs[n + i], &event);
	}
	epoll_wait(other, &event, 1, 0);
	if (pthread_create(&thread, NULL, poll_once, &polled))
		return -EAGAIN;
	vb2f_sleep_us(2000);
	close(other);
	for (i = 0; i < n; i++) {
		close(syncs[n + i]);
		close(polled.fds[i].fd);
	}
	if (left != 2 * n)
		ret = -EBADF;
	while (!ret && left--) {
		ret = epoll_wait(loop, &event, 1, VB2F_TIMEOUT_MS);
		if (ret == 1 && event.data.fd >= 0)
			ret = epoll_ctl(loop, EPOLL_CTL_DEL, event.data.fd, NULL) ? -errno : 0;
		else
			ret = ret < 0 ? -errno : ret ? -ESTALE : -ETIMEDOUT;
	}
	pthread_join(thread, NULL);
	for (i = 0; i < n; i++)
		close(syncs[i]);
	close(loop);
	return ret;
}

static struct display display;
static struct display_fb blank, shown;

static int open_display(void)
{
	struct display_event event;

	return display_open(&display, SCREEN, SCREEN) ?:
	       display_dumb_xrgb(&display, &blank) ?: display_show(&display, &blank, &event);
}

/* Takes what was shown off the screen. */
static int clear_display(void)
{
	struct display_event event;
	int ret;

	if (!shown.id)
		return 0;
	ret = display_show(&display, &blank, &event);
	display_drop(&display, &shown);
	return ret;
}

/* An atomic commit with IN_FENCE_FD, which then ignores the fences in the dma-bufs themselves */
static int flip(const struct order *o, const int *fds, int sync)
{
	struct display_flip flip = { .fb = &shown, .nonblock = true, .in_fence = sync };
	struct display_event event;
	int out = -1, ret;

	flip.out_fence = &out;
	ret = display_import(&display, &shown, &o->layout, fds) ?:
	      display_commit(&display, &flip);
	if (ret)
		return ret;
	ret = wait_fd(out) ?: display_shown(&display, &event, VB2F_TIMEOUT_MS);
	close(out);
	return ret;
}

static __u64 hash_of(const struct order *o, const int *fds)
{
	__u64 hash = HS_FNV_INIT;
	void *map;
	int i;

	for (i = 0; i < o->nfds; i++) {
		map = mmap(NULL, o->size[i], PROT_READ, MAP_SHARED, fds[i], 0);
		if (map == MAP_FAILED)
			return 0;
		hash = hs_fnv(hash, map, o->size[i]);
		munmap(map, o->size[i]);
	}
	return hash;
}

static void consume(int sock, const struct order *o, const int *fds, int *kept)
{
	struct report r = {};
	int sync = -1;

	r.asked = vb2f_now();
	if (o->keep) {
		*kept = export_merged(fds, o->keep);
		r.ret = *kept < 0 ? *kept : 0;
	} else if (o->way < NWAYS) {
		r.ret = ways[o->way].wait(fds, o->nfds);
	} else if (o->way == CLOSING) {
		r.ret = closing(fds, o->nfds);
	} else {
		sync = export_merged(fds, o->nfds);
		if (*kept >= 0)
			sync = merge_all((int[]){ *kept, sync }, 2);
		*kept = -1;
		r.ret = sync < 0 ? sync : o->way == IN_FENCE ? flip(o, fds, sync) : wait_fd(sync);
	}
	r.told = vb2f_now();
	if (!o->keep)
		r.hash = hash_of(o, fds);
	if (sync >= 0) {
		r.status = vb2f_status(sync);
		close(sync);
	}
	if (clear_display() && !r.ret)
		r.ret = -EIO;
	write(sock, &r, sizeof(r));
}

static void consumer(int sock)
{
	int ret = open_display(), fds[MAX_FDS], kept = -1, i;
	struct order o;

	write(sock, &ret, sizeof(ret));
	while (read(sock, &o, sizeof(o)) == sizeof(o)) {
		if (vb2f_recv(sock, &i, sizeof(i), fds, o.nfds))
			break;
		consume(sock, &o, fds, &kept);
		for (i = 0; i < o.nfds; i++)
			close(fds[i]);
	}
	_exit(0);
}

/*
 * The producers
 */

struct group {
	const char *name;
	const char *producers[MAX_GROUP];
	bool drawn_early;	/* the stock driver writes each of the frames when the job starts */
	struct producer *p[MAX_GROUP];
	int n;
};

#define GROUP(_name, ...)	{ .name = _name, .producers = { __VA_ARGS__ } }
#define DRAWN_EARLY(_name, ...)	{ .name = _name, .producers = { __VA_ARGS__ }, .drawn_early = true }

static struct group groups[] = {
	DRAWN_EARLY("vim2m", "vim2m RGB565"),
	DRAWN_EARLY("vim2m heap", "vim2m heap RGB565"),
	GROUP("rga2 two planes", "rga2 NV12M"),
	GROUP("rga2 two planes heap", "rga2 heap NV12M"),
	GROUP("rga3", "rga3 XRGB8888"),
	/* Several devices; the one that is asked first has the longest job. */
	GROUP("rga2, vim2m", "rga2 RGB565", "vim2m RGB565"),
	GROUP("rga3, rga2, vim2m heap", "rga3 NV12M", "rga2 XRGB8888", "vim2m heap RGB565"),
	/* A stock visl does not have the format. */
	GROUP("visl two planes", "visl NV12M"),
};

/* Of one device, which runs one job at a time */
static struct group queues[] = {
	DRAWN_EARLY("two queues of vim2m", "vim2m RGB565", "vim2m heap RGB565"),
	GROUP("two queues of rga2", "rga2 NV12M", "rga2 RGB565"),
};

static bool series;
static int to_consumer;

static void close_group(struct group *g)
{
	while (g->n)
		producer_close(g->p[--g->n]);
}

static int open_group(struct group *g)
{
	int ret;

	for (g->n = 0; g->n < MAX_GROUP && g->producers[g->n]; g->n++) {
		ret = producer_open(&g->p[g->n], producer_find(g->producers[g->n]), WIDTH, HEIGHT,
				    1);
		if (!ret && producer_fenced(g->p[g->n]) != series) {
			producer_close(g->p[g->n]);
			ret = -EOPNOTSUPP;
		}
		if (ret) {
			ksft_print_msg("%s: %s\n", g->producers[g->n], strerror(-ret));
			close_group(g);
			return ret;
		}
	}
	return 0;
}

static int send_order(const struct group *g, int n, int way, bool keep)
{
	struct order o = { .way = way, .layout = *producer_layout(g->p[0]) };
	int fds[MAX_FDS], i, p;
	struct vb2f *v;

	for (i = 0; i < n; i++) {
		v = producer_v(g->p[i]);
		for (p = 0; p < v->nplanes; p++) {
			o.size[o.nfds] = v->size[p];
			fds[o.nfds++] = v->cap[0].fd[p];
		}
	}
	o.keep = keep ? o.nfds : 0;
	return write(to_consumer, &o, sizeof(o)) != sizeof(o) ? -EPIPE :
	       vb2f_send(to_consumer, &i, sizeof(i), fds, o.nfds);
}

static int get_report(struct report *r)
{
	if (vb2f_poll(to_consumer, POLLIN, 2 * VB2F_TIMEOUT_MS) <= 0)
		return -ETIMEDOUT;
	return read(to_consumer, r, sizeof(*r)) == sizeof(*r) ? r->ret : -EPIPE;
}

struct row {
	int flight;		/* frames, or groups of them, that were looked at in flight */
	int early;
	int wrong;
};

/*
 * Finishes the jobs, the shortest first: when the first and the last of the devices certainly had
 * its buffer still
 */
static int finish(struct group *g, __u64 *first, __u64 *last)
{
	int i, ret = 0;
	__u64 owned;

	*first = ~0ULL;
	*last = 0;
	for (i = g->n - 1; i >= 0 && !ret; i--) {
		ret = producer_finish(g->p[i], &owned);
		*first = owned < *first ? owned : *first;
		*last = owned > *last ? owned : *last;
	}
	return ret;
}

/* The hash of what the consumer has to read; -EILSEQ: the device wrote something else. */
static int expect(struct group *g, __u64 *hash)
{
	void *expected[VB2F_MAX_PLANES] = {};
	int i, p, ret = 0;
	struct vb2f *v;

	*hash = HS_FNV_INIT;
	for (i = 0; i < g->n && !ret; i++) {
		v = producer_v(g->p[i]);
		for (p = 0; p < v->nplanes; p++) {
			expected[p] = malloc(v->size[p]);
			if (!expected[p])
				ret = -ENOMEM;
		}
		if (!ret)
			ret = producer_expect(g->p[i], expected);
		for (p = 0; p < v->nplanes; p++) {
			if (!ret && memcmp(expected[p], v->cap[0].map[p], v->size[p]))
				ret = -EILSEQ;
			if (!ret)
				*hash = hs_fnv(*hash, expected[p], v->size[p]);
			free(expected[p]);
		}
	}
	return ret;
}

/* One frame of each, in flight; -EAGAIN if the consumer came too late. */
static int one_frame(struct group *g, int way, int ms, unsigned int number, struct row *row)
{
	__u64 first, last, hash;
	struct report r;
	int i, p, ret = 0;
	struct vb2f *v;

	for (i = 0; i < g->n && !ret; i++) {
		v = producer_v(g->p[i]);
		for (p = 0; p < v->nplanes; p++)
			memset(v->cap[0].map[p], WIPE, v->size[p]);
		ret = producer_set_ms(g->p[i], ms * (g->n - i));
		if (!ret)
			ret = producer_submit(g->p[i], 0, number);
		/* One device: this job is over when the next one is seen to run. */
		if (!ret && way == KEPT && i < g->n - 1)
			ret = send_order(g, i + 1, way, true) ?: get_report(&r);
	}
	if (!ret)
		ret = send_order(g, g->n, way, false);
	if (ret)
		return ret;
	ret = finish(g, &first, &last);
	ret = get_report(&r) ?: ret ?: expect(g, &hash);
	if (ret)
		return ret;
	if (r.asked >= (way == KEPT ? last : first))
		return -EAGAIN;
	row->flight++;
	row->early += r.told < last;
	row->wrong += r.hash != hash;
	/* A slow machine may be late where it was told early, or read what was written meanwhile. */
	return series || (row->early && (row->wrong || g->drawn_early)) ? 0 : -EAGAIN;
}

static int run(struct group *g, int way, struct row *row)
{
	unsigned int number = 0;
	int ms = MIN_MS, ret;

	do {
		ret = one_frame(g, way, ms, ++number, row);
		if (ret == -EAGAIN)
			ms *= 2;
	} while (ret == -EAGAIN ? ms <= MAX_MS : !ret && row->flight < FRAMES);
	return ret;
}

static void judge(const struct group *g, int way, int ret, const struct row *row)
{
	bool good = !ret && row->flight >= FRAMES;

	if (series)
		good &= !row->early && !row->wrong;
	else
		good &= row->early && (row->wrong || g->drawn_early);
	ksft_test_result(good, "%s: %s: %d frames in flight, %d early, %d wrong%s%s\n", g->name,
			 way_name(way), row->flight, row->early, row->wrong, ret ? ": " : "",
			 ret ? strerror(-ret) : "");
}

/* IN_FENCE_FD with the fence of a frame that fails: the flip ends, and the fence tells. */
static void failing(void)
{
	struct group g = GROUP("failing", "rga2 RGB565");
	int ret = 0, failed = 0, told = 0, n;
	struct report r;

	for (n = 0; n < FRAMES && !ret; n++) {
		ret = open_group(&g);
		if (ret)
			break;
		ret = producer_set_ms(g.p[0], 2 * MIN_MS) ?:
		      hs_knob_set("rga2", "fault", "error") ?:
		      hs_knob_set_int("rga2", "fault_count", 1) ?:
		      producer_submit(g.p[0], 0, n) ?: send_order(&g, 1, IN_FENCE, false);
		if (!ret) {
			failed += producer_finish(g.p[0], NULL) == -EIO;
			ret = get_report(&r);
			told += r.status == -EIO;
		}
		close_group(&g);
	}
	hs_knobs_reset("rga2");
	ksft_test_result(!ret && failed == FRAMES && told == FRAMES,
			 "%s: %s: %d jobs failed, %d fences tell%s%s\n", g.name,
			 way_name(IN_FENCE), failed, told, ret ? ": " : "",
			 ret ? strerror(-ret) : "");
}

#define COUNT(_array)	((int)(sizeof(_array) / sizeof(*(_array))))

int main(int argc, char **argv)
{
	int ret, i, way, count;
	struct row row;
	pid_t pid;

	series = argc == 2 && !strcmp(argv[1], "series");
	if (argc != 2 || (!series && strcmp(argv[1], "stock"))) {
		fprintf(stderr, "usage: waits series|stock\n"
			"stock: a kernel without release fences, in which all of it has to go wrong\n");
		return 2;
	}
	ksft_print_header();
	/* Forked before any device is open: it never has anything but dma-bufs. */
	pid = start_peer(&to_consumer);
	if (!pid)
		consumer(to_consumer);
	ret = pid < 0 ? pid : peer_answer(to_consumer);
	if (ret)
		ksft_exit_fail_msg("no display: %s\n", strerror(-ret));

	count = COUNT(groups) - !series;
	ksft_set_plan(count * KEPT + COUNT(queues) + series);
	for (i = 0; i < count; i++) {
		ret = open_group(&groups[i]);
		for (way = 0; way < KEPT; way++) {
			memset(&row, 0, sizeof(row));
			judge(&groups[i], way, ret ?: run(&groups[i], way, &row), &row);
		}
		close_group(&groups[i]);
	}
	for (i = 0; i < COUNT(queues); i++) {
		memset(&row, 0, sizeof(row));
		ret = open_group(&queues[i]);
		judge(&queues[i], KEPT, ret ?: run(&queues[i], KEPT, &row), &row);
		close_group(&queues[i]);
	}
	/* In a stock kernel, a job of RGA that fails never ends. */
	if (series)
		failing();
	close(to_consumer);
	vb2f_wait_child(pid);
	ksft_finished();
}
