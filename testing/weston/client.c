// SPDX-License-Identifier: GPL-2.0
/*
 * A Wayland client that shows the CAPTURE buffers of a V4L2 device: it queues a job, and commits
 * the wl_buffer of that job's dma-buf at once, while the job runs.
 *
 * What was on screen is what vkms says: weston tells the number of the refresh in which a frame
 * came on screen, and vkms has a checksum of what each refresh has shown. So every refresh
 * belongs to a frame, and has to show that frame's picture, whose checksum was learned from a
 * buffer that was finished.
 *
 * Prints one line per frame; testing/weston/run makes a table of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/pidfd.h>

#include <drm_fourcc.h>
#include <wayland-client.h>
#include <xf86drmMode.h>

#include "../consumer/producer.h"
#include "../consumer/program.h"
#include "linux-dmabuf-unstable-v1.h"
#include "presentation-time.h"
#include "xdg-shell.h"

/* A buffer holds the picture of NBUFS frames before: another one than it is going to have */
#define PICTURES	4
#define NBUFS		6
#define MAX_FRAMES	5000
#define MAX_REFRESHES	(1 << 18)

/* Small: vkms takes its time for a checksum. */
#define WIDTH		320
#define HEIGHT		240

struct frame {
	int buf;
	unsigned int picture;
	__u64 queued;
	bool shown;
	__u64 when;		/* by weston's report, which may come a little later */
	__u32 refresh;		/* the first one that showed it */
	bool running;		/* and the job still ran when weston had told so */
	bool direct;		/* on a plane, not drawn by weston */
};

static struct {
	struct wl_display *display;
	struct wl_compositor *compositor;
	struct xdg_wm_base *wm;
	struct zwp_linux_dmabuf_v1 *dmabuf;
	struct wp_presentation *presentation;
	struct wl_surface *surface;
	bool configured;
	struct wl_buffer *buffer[NBUFS];
	bool busy[NBUFS];	/* weston has it */

	struct producer *producer;
	const struct display_layout *layout;

	struct display screen;	/* weston's: its checksums */
	__u32 crc[MAX_REFRESHES];
	bool has_crc[MAX_REFRESHES];
	__u32 last;		/* the newest of them */
	__u32 expected[PICTURES];

	struct frame frames[MAX_FRAMES];
	unsigned int nframes;
} c;

/*
 * What was on screen
 */

#define STATE	"/sys/kernel/debug/dri/%u/state"

static void open_crc(void)
{
	int ret = -ENODEV;

	for (c.screen.minor = 0; c.screen.minor < 16; c.screen.minor++) {
		ret = display_crc_open(&c.screen);
		if (!ret)
			return;
	}
	check(ret, "checksums");
}

static void read_crc(void)
{
	__u32 refresh, crc;
	int ret;

	while (!(ret = display_crc_next(&c.screen, &refresh, &crc))) {
		if (refresh >= MAX_REFRESHES)
			die("the checksum of refresh %u is one too many", refresh);
		c.crc[refresh] = crc;
		c.has_crc[refresh] = true;
		c.last = refresh;
	}
	if (ret != -EAGAIN)
		check(ret, "checksums");
}

/* Is what a plane shows somebody else's dma-buf? */
static bool is_direct(void)
{
	char path[64], line[256];
	bool direct = false;
	FILE *f;

	snprintf(path, sizeof(path), STATE, c.screen.minor);
	f = fopen(path, "re");
	if (!f)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		direct |= strstr(line, "imported=yes") != NULL;
	fclose(f);
	return direct;
}

/* Does the device own the buffer? */
static bool is_running(int buf)
{
	struct vb2f *v = producer_v(c.producer);
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;

	if (producer_fenced(c.producer))
		return vb2f_dmabuf_status(v->cap[buf].fd[0]) == 0;
	vb2f_init_buf(v, &b, planes, true, buf);
	check(vb2f_ioctl(v->fd, VIDIOC_QUERYBUF, &b), "VIDIOC_QUERYBUF");
	return !(b.flags & V4L2_BUF_FLAG_DONE);
}

/*
 * Wayland
 */

static void ping(void *data, struct xdg_wm_base *wm, uint32_t serial)
{
	(void)data;
	xdg_wm_base_pong(wm, serial);
}

static const struct xdg_wm_base_listener wm_listener = { .ping = ping };

static void set_clock(void *data, struct wp_presentation *p, uint32_t id)
{
	(void)data;
	(void)p;
	if (id != CLOCK_MONOTONIC)
		die("weston counts time by another clock (%u)", id);
}

static const struct wp_presentation_listener presentation_listener = { .clock_id = set_clock };

static void add_global(void *data, struct wl_registry *registry, uint32_t name,
		       const char *interface, uint32_t version)
{
	(void)data;
	if (!strcmp(interface, "wl_compositor")) {
		c.compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
	} else if (!strcmp(interface, "xdg_wm_base")) {
		c.wm = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(c.wm, &wm_listener, NULL);
	} else if (!strcmp(interface, "zwp_linux_dmabuf_v1") && version >= 3) {
		c.dmabuf = wl_registry_bind(registry, name, &zwp_linux_dmabuf_v1_interface, 3);
	} else if (!strcmp(interface, "wp_presentation")) {
		c.presentation = wl_registry_bind(registry, name, &wp_presentation_interface, 1);
		wp_presentation_add_listener(c.presentation, &presentation_listener, NULL);
	}
}

static void remove_global(void *data, struct wl_registry *registry, uint32_t name)
{
	(void)data;
	(void)registry;
	(void)name;
}

static const struct wl_registry_listener registry_listener = {
	.global = add_global, .global_remove = remove_global,
};

static void surface_configure(void *data, struct xdg_surface *s, uint32_t serial)
{
	(void)data;
	xdg_surface_ack_configure(s, serial);
	c.configured = true;
}

static const struct xdg_surface_listener surface_listener = { .configure = surface_configure };

static void toplevel_configure(void *data, struct xdg_toplevel *t, int32_t width, int32_t height,
			       struct wl_array *states)
{
	(void)data;
	(void)t;
	(void)width;
	(void)height;
	(void)states;
}

static void toplevel_close(void *data, struct xdg_toplevel *t)
{
	(void)data;
	(void)t;
	die("weston closes the window");
}

static const struct xdg_toplevel_listener toplevel_listener = {
	.configure = toplevel_configure, .close = toplevel_close,
};

static void buffer_release(void *data, struct wl_buffer *buffer)
{
	(void)buffer;
	*(bool *)data = false;
}

static const struct wl_buffer_listener buffer_listener = { .release = buffer_release };

static void params_created(void *data, struct zwp_linux_buffer_params_v1 *params,
			   struct wl_buffer *buffer)
{
	*(struct wl_buffer **)data = buffer;
	zwp_linux_buffer_params_v1_destroy(params);
}

static void params_failed(void *data, struct zwp_linux_buffer_params_v1 *params)
{
	(void)data;
	(void)params;
	die("weston cannot import the dma-buf");
}

static const struct zwp_linux_buffer_params_v1_listener params_listener = {
	.created = params_created, .failed = params_failed,
};

static void shown(void *data, struct wp_presentation_feedback *feedback, uint32_t sec_hi,
		  uint32_t sec_lo, uint32_t nsec, uint32_t refresh, uint32_t seq_hi,
		  uint32_t seq_lo, uint32_t flags)
{
	struct frame *f = data;

	(void)refresh;
	(void)seq_hi;
	(void)flags;
	f->running = is_running(f->buf);
	f->shown = true;
	f->when = ((__u64)sec_hi << 32 | sec_lo) * 1000000000 + nsec;
	f->refresh = seq_lo;
	wp_presentation_feedback_destroy(feedback);
}

static void discarded(void *data, struct wp_presentation_feedback *feedback)
{
	(void)data;
	(void)feedback;
	die("weston did not show a frame");
}

static void sync_output(void *data, struct wp_presentation_feedback *feedback,
			struct wl_output *output)
{
	(void)data;
	(void)feedback;
	(void)output;
}

static const struct wp_presentation_feedback_listener feedback_listener = {
	.sync_output = sync_output, .presented = shown, .discarded = discarded,
};

/* Handle what comes until @done */
static void wait_until(bool (*done)(const void *), const void *arg, const char *what)
{
	__u64 end = vb2f_now() + VB2F_TIMEOUT_MS * 1000000ULL;
	struct pollfd p[] = {
		{ .fd = wl_display_get_fd(c.display), .events = POLLIN },
		{ .fd = c.screen.crc, .events = POLLIN },
	};

	for (;;) {
		while (wl_display_prepare_read(c.display))
			if (wl_display_dispatch_pending(c.display) < 0)
				die("lost weston: %s", strerror(errno));
		wl_display_flush(c.display);
		if (done(arg)) {
			wl_display_cancel_read(c.display);
			return;
		}
		if (poll(p, 2, 1000) < 0)
			die("poll: %s", strerror(errno));
		if (wl_display_read_events(c.display) < 0)
			die("lost weston: %s", strerror(errno));
		if (p[1].revents)
			read_crc();
		if (vb2f_now() > end)
			die("waited in vain for %s", what);
	}
}

static bool is_configured(const void *arg)
{
	(void)arg;
	return c.configured;
}

static bool has_buffers(const void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < NBUFS; i++)
		if (!c.buffer[i])
			return false;
	return true;
}

static bool is_free(const void *busy)
{
	return !*(const bool *)busy;
}

static bool is_shown(const void *frame)
{
	return ((const struct frame *)frame)->shown;
}

/* Two refreshes have shown it: the checksum of the first one is there for certain. */
static bool is_seen(const void *frame)
{
	return (__s32)(c.last - ((const struct frame *)frame)->refresh) >= 1;
}

static bool is_after(const void *refresh)
{
	return (__s32)(c.last - *(const __u32 *)refresh) > 0;
}

static void make_buffers(void)
{
	const struct display_layout *l = c.layout;
	struct zwp_linux_buffer_params_v1 *params;
	const int *fd;
	int i, p;

	for (i = 0; i < NBUFS; i++) {
		fd = producer_v(c.producer)->cap[i].fd;
		params = zwp_linux_dmabuf_v1_create_params(c.dmabuf);
		zwp_linux_buffer_params_v1_add_listener(params, &params_listener, &c.buffer[i]);
		for (p = 0; p < l->nplanes; p++)
			/* What has no modifier, weston never puts on a plane. */
			zwp_linux_buffer_params_v1_add(params, fd[l->buf[p]], p, l->offset[p],
						       l->pitch[p], DRM_FORMAT_MOD_LINEAR >> 32,
						       DRM_FORMAT_MOD_LINEAR & 0xffffffff);
		zwp_linux_buffer_params_v1_create(params, l->width, l->height, l->fourcc, 0);
	}
	wait_until(has_buffers, NULL, "the wl_buffers");
	for (i = 0; i < NBUFS; i++)
		wl_buffer_add_listener(c.buffer[i], &buffer_listener, &c.busy[i]);
}

static void open_window(void)
{
	struct xdg_surface *surface;
	struct xdg_toplevel *toplevel;
	struct wl_registry *registry;

	c.display = wl_display_connect(NULL);
	if (!c.display)
		die("no weston at WAYLAND_DISPLAY: %s", strerror(errno));
	registry = wl_display_get_registry(c.display);
	wl_registry_add_listener(registry, &registry_listener, NULL);
	wl_display_roundtrip(c.display);
	if (!c.compositor || !c.wm || !c.dmabuf || !c.presentation)
		die("weston has no%s%s%s%s", c.compositor ? "" : " wl_compositor",
		    c.wm ? "" : " xdg_wm_base", c.dmabuf ? "" : " zwp_linux_dmabuf_v1 version 3",
		    c.presentation ? "" : " wp_presentation");

	c.surface = wl_compositor_create_surface(c.compositor);
	surface = xdg_wm_base_get_xdg_surface(c.wm, c.surface);
	xdg_surface_add_listener(surface, &surface_listener, NULL);
	toplevel = xdg_surface_get_toplevel(surface);
	xdg_toplevel_add_listener(toplevel, &toplevel_listener, NULL);
	xdg_toplevel_set_fullscreen(toplevel, NULL);
	wl_surface_commit(c.surface);
	wait_until(is_configured, NULL, "weston to configure the window");
}

/*
 * A screenshot, from vkms: weston's own would draw the picture again. Only the master of a
 * display may ask for it, and that is weston's open file.
 */

static int take_drm_fd(pid_t weston)
{
	int process = pidfd_open(weston, 0), i, fd;
	char path[64], target[64];
	ssize_t len;

	for (i = 0; i < 256; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", weston, i);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		if (strncmp(target, "/dev/dri/card", 13))
			continue;
		fd = pidfd_getfd(process, i, 0);
		if (fd < 0)
			die("pidfd_getfd: %s", strerror(errno));
		close(process);
		return fd;
	}
	die("weston (%d) has no display open", weston);
}

static void attach_writeback(const struct display *d, __u32 crtc, __u32 fb)
{
	drmModeAtomicReq *req = drmModeAtomicAlloc();
	int fence = -1, ret;

	drmModeAtomicAddProperty(req, d->writeback, d->prop.writeback_crtc, crtc);
	if (fb) {
		drmModeAtomicAddProperty(req, d->writeback, d->prop.writeback_fb, fb);
		drmModeAtomicAddProperty(req, d->writeback, d->prop.writeback_fence,
					 (uintptr_t)&fence);
	}
	alarm(VB2F_TIMEOUT_MS / 1000);
	ret = drmModeAtomicCommit(d->fd, req, DRM_MODE_ATOMIC_ALLOW_MODESET, NULL);
	alarm(0);
	drmModeAtomicFree(req);
	check(ret, "writeback");
	if (fb && vb2f_poll(fence, POLLIN, VB2F_TIMEOUT_MS) <= 0)
		die("no end of the writeback");
	if (fb)
		close(fence);
}

static void screenshot(const char *path, pid_t weston)
{
	int fd = take_drm_fd(weston);
	struct display_fb fb;
	struct display d;

	/* Two commits at a time are one too many. */
	kill(weston, SIGSTOP);
	check(display_borrow(&d, fd, WIDTH, HEIGHT), "weston's display");
	check(display_dumb_xrgb(&d, &fb), "a framebuffer");
	attach_writeback(&d, d.crtc, fb.id);
	check(display_write_ppm(path, fb.map[0], WIDTH, HEIGHT), path);
	attach_writeback(&d, 0, 0);
	kill(weston, SIGCONT);

	display_drop(&d, &fb);
	close(fd);
}

/*
 * Frames
 */

static void commit(struct frame *f)
{
	struct wp_presentation_feedback *feedback;

	wl_surface_attach(c.surface, c.buffer[f->buf], 0, 0);
	wl_surface_damage_buffer(c.surface, 0, 0, WIDTH, HEIGHT);
	feedback = wp_presentation_feedback(c.presentation, c.surface);
	wp_presentation_feedback_add_listener(feedback, &feedback_listener, f);
	c.busy[f->buf] = true;
	wl_surface_commit(c.surface);
}

static struct frame *submit(void)
{
	struct frame *f = &c.frames[c.nframes];

	f->buf = c.nframes % NBUFS;
	f->picture = c.nframes % PICTURES;
	c.nframes++;
	wait_until(is_free, &c.busy[f->buf], "weston to release a buffer");
	f->queued = vb2f_now();
	check(producer_submit(c.producer, f->buf, f->picture), "a job");
	return f;
}

static void show(void)
{
	struct frame *f = submit();

	commit(f);
	wait_until(is_shown, f, "weston to show a frame");
	wait_until(is_seen, f, "the checksum of a frame");
	f->direct = is_direct();
	check(producer_finish(c.producer, NULL), "the end of a job");
}

/* The frame is finished before weston gets it. */
static void learn(void)
{
	struct frame *f;
	__u32 now;
	int i, j;

	for (i = 0; i < PICTURES; i++) {
		f = submit();
		check(producer_finish(c.producer, NULL), "the end of a job");
		commit(f);
		wait_until(is_shown, f, "weston to show a frame");
		now = c.last > f->refresh ? c.last : f->refresh;
		wait_until(is_after, &now, "a checksum");
		c.expected[f->picture] = c.crc[c.last];
	}
	for (i = 0; i < PICTURES; i++)
		for (j = 0; j < i; j++)
			if (c.expected[i] == c.expected[j])
				die("pictures %d and %d look the same on screen", j, i);
}

static char name_of(__u32 crc)
{
	int i;

	for (i = 0; i < PICTURES; i++)
		if (c.expected[i] == crc)
			return '0' + i;
	return '?';
}

/* As long as the next frame was not on screen, this one was. */
static void report(const struct frame *f)
{
	__u32 r;

	printf("frame\t%d\t%d\t%" PRId64 "\t%u\t", f->direct, f->running,
	       (int64_t)(f->when - f->queued) / 1000, f->picture);
	for (r = f->refresh; r != f[1].refresh; r++)
		putchar(c.has_crc[r] ? name_of(c.crc[r]) : '.');
	putchar('\n');
	fflush(stdout);
}

static void take_screenshot(const char *prefix, pid_t weston)
{
	const __u16 *from;
	static __u32 picture[WIDTH * HEIGHT];
	char path[256];
	struct frame *f;
	int i;

	f = submit();
	commit(f);
	wait_until(is_shown, f, "weston to show a frame");
	/* Checksums and writeback are one switch in vkms. */
	display_crc_close(&c.screen);
	snprintf(path, sizeof(path), "%s.ppm", prefix);
	screenshot(path, weston);
	check(producer_finish(c.producer, NULL), "the end of a job");

	from = producer_v(c.producer)->cap[f->buf].map[0];
	for (i = 0; i < WIDTH * HEIGHT; i++)
		picture[i] = (from[i] >> 11) * 255 / 31 << 16 |
			     (from[i] >> 5 & 63) * 255 / 63 << 8 | (from[i] & 31) * 255 / 31;
	snprintf(path, sizeof(path), "%s-expected.ppm", prefix);
	check(display_write_ppm(path, picture, WIDTH, HEIGHT), path);
}

/* Let somebody else do something, until he gives a line */
static void stop(const char *word)
{
	char line[16];

	printf("%s\n", word);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		die("nobody says go");
}

int main(int argc, char **argv)
{
	const struct producer_type *type;
	unsigned int i, count, ms;

	type = argc >= 4 ? producer_find(argv[1]) : NULL;
	if (!type || argc > 6 || type->fourcc != V4L2_PIX_FMT_RGB565) {
		fprintf(stderr, "usage: client TYPE JOB_MS FRAMES [PICTURE PID-OF-WESTON]\n"
			"TYPE is one of testing/consumer/producer.c, in RGB565\n");
		return 2;
	}
	ms = atoi(argv[2]);
	count = atoi(argv[3]);
	if (!ms || !count || count > MAX_FRAMES - PICTURES - 2)
		die("JOB_MS or FRAMES is too many, or none");
	c.screen.crc = -1;

	open_window();
	check(producer_open(&c.producer, type, WIDTH, HEIGHT, NBUFS), type->name);
	c.layout = producer_layout(c.producer);
	make_buffers();
	open_crc();
	check(producer_set_ms(c.producer, 1), "the time of a job");
	learn();
	check(producer_set_ms(c.producer, ms), "the time of a job");

	stop("ready");
	for (i = 0; i <= count; i++) {
		show();
		if (i)
			report(&c.frames[c.nframes - 2]);
	}
	stop("done");
	if (argc == 6) {
		check(producer_set_ms(c.producer, 4 * ms), "the time of a job");
		take_screenshot(argv[4], atoi(argv[5]));
	}
	producer_close(c.producer);
	return 0;
}
