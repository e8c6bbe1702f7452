// SPDX-License-Identifier: GPL-2.0
/*
 * Is what a display shows the frame that it was given?
 *
 * A producer exports the CAPTURE buffers of its device once. A consumer, another process, imports
 * them into vkms once. It is told of each frame when the job that makes it runs, as a compositor
 * is that a client hands its frames at submission, and does what a compositor without own
 * knowledge of fences does: an atomic commit, which waits for the fences in the buffers.
 * What is then on the screen is judged by vkms' checksum of the refresh that the page flip event
 * names. What it has to be, the CPU draws (for RGA: what its reference makes of that) after the
 * job, into memory of the display, and vkms shows it, so that both went the same way to the screen.
 * No two frames are the same picture.
 *
 * When does the job run? The device is idle when a frame is queued, and starts within the ioctl
 * that queues it: when that returns, the fence is there. Of a frame that waits behind others
 * nothing is promised (POLLIN, no fence): a program that queues more than one frame at a time must
 * not tell a consumer of the later ones before they run, see producer.h.
 *
 * Prints a line of tab separated values per configuration and job time, after one that names them:
 *
 *  fences     whether the device has them
 *  frames     shown
 *  in flight  the commit was issued when the device certainly had the buffer still
 *  right      the picture of exactly that frame, and the device had done with it
 *  early      also that picture, but on the screen before the device had done with the buffer: the
 *             stock vim2m and visl write when a job begins, which no hardware does, and a job's
 *             interrupt comes after its last write. Where the event of the flip was read after the
 *             job, nobody knows, and it counts as right
 *  stale      a picture that was shown before
 *  blank      memory that nobody has written: black in RGB, green in YUV
 *  half       no picture at all: written in part
 *  back       of those: shown after a later one
 *
 * The exit status is 0 if all was measured; what it means, testing/consumer/run judges.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <drm_fourcc.h>

#include "display.h"
#include "producer.h"
#include "program.h"

#define NBUFS		3
#define MAX_MS		16
#define SHARED_SIZE	(16 << 20)

static int frames = 100;
static int times_ms[MAX_MS] = { 2, 8, 20, 50 };
static int ntimes = 4;
static unsigned int width = 128, height = 128;
static const char *pictures;	/* a directory */
static bool stock;		/* leave out what a stock kernel does not have */

/* To the consumer */
struct order {
	enum { OPEN, PREPARE, FRAME, REFERENCE } what;
	struct display_layout layout;
	unsigned int width, height;	/* of the display */
	int grey;		/* the buffer with the other side, or -1 */
	int buf;
	bool save;		/* after PREPARE: write a picture of what is shown */
	char path[256];
};

struct report {
	int error;
	__u64 issued;		/* just before the commit */
	__u64 shown;		/* it is on the screen, or has been */
	__u32 crc[2];		/* of OPEN: of both sides, blank */
};

/*
 * vkms waits for the fences of all dma-bufs of a framebuffer, but it reads all planes from the
 * first one: of NV12M it takes the brightness for the colours. So one of the buffers of NV12M is
 * looked at from the other side: its second dma-buf alone, in shades of grey. (Not with visl,
 * whose frames differ in their brightness only.)
 */
static int grey_of(const struct display_layout *layout, const struct vb2f *v)
{
	return layout->nbufs == 2 && !v->decoder ? NBUFS - 1 : -1;
}

static struct display_layout layout_of(const struct display_layout *layout, int side)
{
	struct display_layout grey = {
		.fourcc = DRM_FORMAT_R8,
		.width = layout->pitch[1],
		.height = layout->height / 2,
		.nbufs = 1,
		.size = { layout->size[1] },
		.nplanes = 1,
		.pitch = { layout->pitch[1] },
	};

	return side ? grey : *layout;
}

/*
 * The consumer
 */

struct consumer {
	struct display display;
	struct order stream;
	struct display_fb fb[NBUFS];
	struct display_fb reference[2];	/* of each side */
	struct display_fb copy;		/* for writeback */
	void *shared;
};

static int show(struct consumer *c, const struct display_fb *fb, const struct order *o,
		struct report *r)
{
	struct display_flip flip = { .fb = fb, .writeback = o->save ? &c->copy : NULL };
	struct display_event event = {};
	int ret;

	r->issued = vb2f_now();
	ret = display_commit(&c->display, &flip) ?:
	      display_shown(&c->display, &event, VB2F_TIMEOUT_MS);
	r->shown = event.time;
	if (!o->save)
		return ret ?: display_crc(&c->display, event.sequence, r->crc);

	if (!ret && vb2f_poll(flip.writeback_fence, POLLIN, VB2F_TIMEOUT_MS) <= 0)
		ret = -ETIMEDOUT;
	return ret ?: display_write_ppm(o->path, c->copy.map[0], c->display.width,
					c->display.height);
}

static int begin_stream(struct consumer *c, const struct order *o, const int *fds,
			struct report *r)
{
	struct display_layout layout;
	int i, side, ret;

	c->stream = *o;
	ret = display_open(&c->display, o->width, o->height);
	for (i = 0; i < NBUFS && !ret; i++) {
		side = i == o->grey;
		layout = layout_of(&o->layout, side);
		ret = display_import(&c->display, &c->fb[i], &layout,
				     fds + i * VB2F_MAX_PLANES + side);
	}
	if (!ret)
		ret = display_crc_open(&c->display);
	for (side = o->grey >= 0; side >= 0 && !ret; side--) {
		layout = layout_of(&o->layout, side);
		ret = display_dumb(&c->display, &c->reference[side], &layout) ?:
		      show(c, &c->reference[side], o, r);
		r->crc[side] = r->crc[0];
	}
	return ret;
}

static int show_reference(struct consumer *c, const struct order *o, struct report *r)
{
	int side = o->buf == c->stream.grey, i;
	struct display_fb *fb = &c->reference[side];
	const char *from = c->shared;

	if (side)
		from += c->stream.layout.size[0];
	for (i = 0; i < fb->layout.nbufs; i++) {
		memcpy(fb->map[i], from, fb->layout.size[i]);
		from += fb->layout.size[i];
	}
	return show(c, fb, o, r);
}

/*
 * vkms needs a while to end a writeback, and would end the next one with it. How long it needs
 * cannot be asked.
 */
static int prepare(struct consumer *c)
{
	display_crc_close(&c->display);
	vb2f_sleep_us(1000000);
	return c->copy.id ? 0 : display_dumb_xrgb(&c->display, &c->copy);
}

static void consume(int sock, void *shared)
{
	struct consumer c = { .shared = shared };
	int fds[NBUFS * VB2F_MAX_PLANES], i;
	struct report r;
	struct order o;

	/* The other side closing is the end. */
	while (!vb2f_recv(sock, &o, sizeof(o), fds, NBUFS * VB2F_MAX_PLANES)) {
		memset(&r, 0, sizeof(r));
		switch (o.what) {
		case OPEN:
			r.error = begin_stream(&c, &o, fds, &r);
			for (i = 0; i < NBUFS * VB2F_MAX_PLANES; i++)
				close(fds[i]);
			break;
		case PREPARE:
			r.error = prepare(&c);
			break;
		case FRAME:
			r.error = show(&c, &c.fb[o.buf], &o, &r);
			break;
		case REFERENCE:
			r.error = show_reference(&c, &o, &r);
			break;
		}
		if (vb2f_send(sock, &r, sizeof(r), NULL, 0))
			break;
	}
	display_close(&c.display);
	exit(0);
}

/*
 * The producer
 */

struct run {
	struct producer *p;
	int sock;
	void *shared;
	unsigned int number;	/* of the next frame */
	unsigned int newest;	/* that was shown */
	int grey;
	__u32 blank[2];
	__u32 *expected;	/* of each frame */
};

struct row {
	int frames, flight, right, early, stale, blank, half, back;
};

static int answer(struct run *run, struct report *r)
{
	int none, ret;

	ret = vb2f_recv(run->sock, r, sizeof(*r), &none, 0);
	return ret ?: r->error;
}

static int ask(struct run *run, const struct order *o, struct report *r)
{
	return vb2f_send(run->sock, o, sizeof(*o), NULL, 0) ?: answer(run, r);
}

static int begin(struct run *run)
{
	struct order o = { .what = OPEN, .layout = *producer_layout(run->p) };
	const struct vb2f *v = producer_v(run->p);
	int i, p, fds[NBUFS * VB2F_MAX_PLANES];
	struct report r = {};
	int ret;

	o.grey = run->grey = grey_of(&o.layout, v);
	o.width = o.layout.width;
	o.height = o.layout.height;
	/* Of visl's large frames, the line of text with the time is enough to tell them apart. */
	if (o.width > width && !pictures) {
		o.width = 320;
		o.height = 32;
	}
	/* As many as are expected */
	for (i = 0; i < NBUFS; i++)
		for (p = 0; p < VB2F_MAX_PLANES; p++)
			fds[i * VB2F_MAX_PLANES + p] = v->cap[i].fd[p < v->nplanes ? p : 0];
	ret = vb2f_send(run->sock, &o, sizeof(o), fds, NBUFS * VB2F_MAX_PLANES) ?:
	      answer(run, &r);
	memcpy(run->blank, r.crc, sizeof(run->blank));
	return ret;
}

/* The number of the frame whose picture that is, or -1 */
static int find(const struct run *run, __u32 crc)
{
	int n;

	for (n = run->number - 1; n >= 0; n--)
		if (run->expected[n] == crc)
			return n;
	return -1;
}

/* A picture instead of a checksum: it is not judged. */
static void name_picture(const struct producer_type *type, struct order *o, const char *what)
{
	size_t len;

	if (!pictures)
		return;
	len = snprintf(o->path, sizeof(o->path), "%s/", pictures);
	snprintf(o->path + len, sizeof(o->path) - len, "%s.%s.ppm", type->name, what);
	for (; o->path[len]; len++)
		if (o->path[len] == ' ' || o->path[len] == '>')
			o->path[len] = '-';
}

static int one_frame(struct run *run, const struct producer_type *type, bool picture,
		     struct row *row)
{
	struct order o = { .what = PREPARE, .buf = run->number % NBUFS, .save = picture };
	const struct display_layout *l = producer_layout(run->p);
	struct report shown, reference;
	void *planes[VB2F_MAX_PLANES];
	__u64 owned;
	int ret = 0, n;
	__u32 blank;

	if (picture)
		ret = ask(run, &o, &shown);
	name_picture(type, &o, "shown");
	o.what = FRAME;
	if (!ret)
		ret = producer_submit(run->p, o.buf, run->number);
	if (!ret)
		ret = vb2f_send(run->sock, &o, sizeof(o), NULL, 0);
	if (!ret)
		ret = producer_finish(run->p, &owned);
	if (!ret)
		ret = answer(run, &shown);
	if (ret)
		return ret;

	planes[0] = run->shared;
	planes[1] = (char *)run->shared + l->size[0];
	ret = producer_expect(run->p, planes);
	o.what = PREPARE;
	if (!ret && picture)
		ret = ask(run, &o, &reference);
	name_picture(type, &o, "expected");
	o.what = REFERENCE;
	if (!ret)
		ret = ask(run, &o, &reference);
	if (ret || picture)
		return ret;

	blank = run->blank[o.buf == run->grey];
	if (reference.crc[0] == blank || find(run, reference.crc[0]) >= 0) {
		fprintf(stderr, "%s: frame %u looks like an earlier one\n", type->name,
			run->number);
		return -EILSEQ;
	}
	run->expected[run->number] = reference.crc[0];
	run->number++;
	n = find(run, shown.crc[0]);
	row->frames++;
	row->flight += shown.issued < owned;
	if (n == (int)run->number - 1 && shown.shown < owned)
		row->early++;
	else if (n == (int)run->number - 1)
		row->right++;
	else if (n >= 0)
		row->stale++;
	else if (shown.crc[0] == blank)
		row->blank++;
	else
		row->half++;
	if (n >= 0 && n < (int)run->newest)
		row->back++;
	else if (n >= 0)
		run->newest = n;
	return 0;
}

static int one_time(struct run *run, const struct producer_type *type, int ms)
{
	struct row row = {};
	int i, ret;

	ret = producer_set_ms(run->p, ms);
	for (i = 0; i < frames && !ret; i++)
		ret = one_frame(run, type, pictures && i == frames - 1, &row);
	if (ret)
		return ret;
	printf("%s\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", type->name, ms,
	       producer_fenced(run->p) ? "yes" : "no", row.frames, row.flight, row.right,
	       row.early, row.stale, row.blank, row.half, row.back);
	fflush(stdout);
	fprintf(stderr, "%s, %d ms: %d of %d frames are right\n", type->name, ms, row.right,
		row.frames);
	return 0;
}

static int configuration(const struct producer_type *type)
{
	struct run run = {};
	int i, ret, end;
	pid_t pid;

	run.expected = calloc((size_t)frames * ntimes, sizeof(*run.expected));
	run.shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!run.expected || run.shared == MAP_FAILED)
		return -ENOMEM;
	pid = start_peer(&run.sock);
	if (pid < 0)
		return pid;
	if (!pid)
		consume(run.sock, run.shared);
	ret = producer_open(&run.p, type, width, height, NBUFS);
	if (!ret)
		ret = begin(&run);
	for (i = 0; i < ntimes && !ret; i++)
		ret = one_time(&run, type, times_ms[i]);
	producer_close(run.p);
	close(run.sock);
	end = vb2f_wait_child(pid);
	if (!ret && end)
		ret = end < 0 ? end : -ECHILD;
	if (ret)
		fprintf(stderr, "%s: frame %u: %s\n", type->name, run.number,
			strerrorname_np(-ret) ?: "?");
	return ret;
}

/*
 * Configurations that share no device run at the same time.
 */

#define MAX_TYPES	64

static const struct producer_type *wanted[MAX_TYPES];
static pid_t pids[MAX_TYPES];	/* 0: to come, -1: over */
static int nwanted, parallel = 4;

static bool uses(const struct producer_type *type, const char *device)
{
	return device && (!strcmp(type->device, device) ||
			  (type->from && !strcmp(type->from, device)));
}

static bool can_start(int i)
{
	int j, running = 0;

	for (j = 0; j < nwanted; j++) {
		if (pids[j] <= 0)
			continue;
		running++;
		if (uses(wanted[i], wanted[j]->device) || uses(wanted[i], wanted[j]->from))
			return false;
	}
	return !pids[i] && running < parallel;
}

static int run_all(void)
{
	int i, status, failed = 0;
	pid_t pid;

	for (;;) {
		for (i = 0; i < nwanted; i++) {
			if (!can_start(i))
				continue;
			pid = start_child();
			if (!pid)
				_exit(configuration(wanted[i]) ? 1 : 0);
			if (pid < 0)
				return 1;
			pids[i] = pid;
		}
		pid = wait(&status);	/* no wait of theirs is for ever */
		if (pid < 0)
			return failed;
		for (i = 0; i < nwanted; i++)
			if (pids[i] == pid)
				pids[i] = -1;
		failed |= status != 0;
	}
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: flips [-l] [-s] [-n FRAMES] [-t MS,MS...] [-w WIDTH] [-h HEIGHT]\n"
		"             [-p DIR] [-j COUNT] [CONFIGURATION...]\n\n"
		"  -l  list the configurations\n"
		"  -s  leave out what the stock drivers do not have\n"
		"  -n  frames for each configuration and job time (%d)\n"
		"  -t  job times (2,8,20,50)\n"
		"  -w, -h  the size of a frame (%ux%u; visl has its own)\n"
		"  -p  save pictures of the last frame, as it was shown and as it should be\n"
		"  -j  so many configurations at a time (%d)\n",
		frames, width, height, parallel);
	exit(2);
}

int main(int argc, char **argv)
{
	const struct producer_type *t;
	bool list = false;
	char *s;
	int opt;

	while ((opt = getopt(argc, argv, "lsn:t:w:h:p:j:")) >= 0) {
		switch (opt) {
		case 'l':
			list = true;
			break;
		case 's':
			stock = true;
			break;
		case 'n':
			frames = atoi(optarg);
			break;
		case 't':
			ntimes = 0;
			for (s = strtok(optarg, ","); s && ntimes < MAX_MS; s = strtok(NULL, ","))
				times_ms[ntimes++] = atoi(s);
			break;
		case 'w':
			width = atoi(optarg);
			break;
		case 'h':
			height = atoi(optarg);
			break;
		case 'p':
			pictures = optarg;
			break;
		case 'j':
			parallel = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (frames < 1 || ntimes < 1 || parallel < 1)
		usage();
	for (; optind < argc; optind++) {
		t = producer_find(argv[optind]);
		if (!t || nwanted == MAX_TYPES)
			usage();
		wanted[nwanted++] = t;
	}
	if (!nwanted)
		for (t = producer_types; t->name; t++)
			if (!stock || !t->not_stock)
				wanted[nwanted++] = t;
	for (opt = 0; list && opt < nwanted; opt++)
		printf("%s\n", wanted[opt]->name);
	if (list)
		return 0;
	printf("configuration\tms\tfences\tframes\tin flight\tright\tearly\tstale\tblank\thalf\t"
	       "back\n");
	fflush(stdout);
	return run_all();
}
