/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A display: one output of vkms, the kernel's own display driver without hardware, through
 * libdrm. It shows dma-bufs, and tells what was on the screen.
 *
 * vkms refreshes 60 times a second. An atomic commit waits for the fences in the framebuffers'
 * dma-bufs, as that of any display driver does; then the next refresh reads the pixels and shows
 * them, which is when the page flip event comes.
 *
 * Functions that return int return 0 (or what they say) or a negative errno. None of them waits
 * for ever: if a commit hangs in the kernel, SIGALRM ends the process.
 */
#ifndef CONSUMER_DISPLAY_H
#define CONSUMER_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "vb2_fences_util.h"

#define DISPLAY_MAX_PLANES	4

/*
 * How a picture lies in memory: planes (of pixels) in buffers (the dma-bufs, that is the planes
 * of V4L2). NV12 has two planes in one buffer, NV12M in two.
 */
struct display_layout {
	__u32 fourcc;			/* DRM_FORMAT_... */
	__u32 width, height;
	int nbufs;
	size_t size[VB2F_MAX_PLANES];
	int nplanes;
	int buf[DISPLAY_MAX_PLANES];
	__u32 offset[DISPLAY_MAX_PLANES];
	__u32 pitch[DISPLAY_MAX_PLANES];
};

/* A framebuffer; the memory of a "dumb" one is the display's, and the CPU draws in it */
struct display_fb {
	struct display_layout layout;
	__u32 id;
	__u32 handle[VB2F_MAX_PLANES];
	bool dumb;
	void *map[VB2F_MAX_PLANES];	/* dumb only */
};

struct display {
	int fd;
	unsigned int minor;
	__u32 width, height;
	__u32 crtc, plane, connector, writeback;
	__u32 mode;			/* blob */
	int crc;			/* -1: closed */
	bool on;
	bool flipped;			/* the event has come, at this refresh */
	__u32 sequence;
	struct {
		__u32 fb, in_fence;
		__u32 crtc, crtc_x, crtc_y, crtc_w, crtc_h, src_x, src_y, src_w, src_h;
		__u32 mode, active, out_fence;
		__u32 connector_crtc, writeback_crtc, writeback_fb, writeback_fence;
	} prop;
};

/*
 * Opens an output that no other process drives, and makes one (with vkms' configfs) if there is
 * none; sets a mode of this size, at 60 Hz. -ENODEV: there is no vkms, or this is not root.
 * Of a larger framebuffer, the upper left corner is shown; a smaller one, in that corner.
 */
int display_open(struct display *d, __u32 width, __u32 height);
void display_close(struct display *d);
/*
 * One that another process drives, and goes on to: @fd is its open file, which the caller closes.
 * With it go framebuffers, and commits of the caller's own.
 */
int display_borrow(struct display *d, int fd, __u32 width, __u32 height);

/*
 * PRIME import of the layout's buffers; and a framebuffer to draw in, cleared to 0. Do not drop
 * the one that is on the screen: that turns the display off.
 */
int display_import(struct display *d, struct display_fb *fb, const struct display_layout *layout,
		   const int *fds);
int display_dumb(struct display *d, struct display_fb *fb, const struct display_layout *layout);
/* One of the mode's size in XRGB8888, which is what writeback wants */
int display_dumb_xrgb(struct display *d, struct display_fb *fb);
void display_drop(struct display *d, struct display_fb *fb);
/* A picture, of XRGB8888 */
int display_write_ppm(const char *path, const __u32 *xrgb, __u32 width, __u32 height);

/*
 * One atomic commit. Every one asks for a page flip event: take it with display_shown() before
 * the next commit (a second one that does not block is -EBUSY until then).
 */
struct display_flip {
	const struct display_fb *fb;
	bool nonblock;
	int in_fence;			/* a sync_file to wait for as well; 0 or -1: none */
	int *out_fence;			/* NULL, or gets a sync_file: the frame is on the screen */
	const struct display_fb *writeback;	/* NULL, or where to put what was shown... */
	int writeback_fence;		/* ...when this has signalled: a sync_file, to be closed */
};

int display_commit(struct display *d, struct display_flip *flip);

/*
 * The page flip event: the number of the refresh. -ETIMEDOUT after @ms. The time in the event
 * itself is of no use here: it is when the refresh was due, and if vkms' timer is late, that is
 * before the commit which the refresh shows.
 */
struct display_event {
	__u32 sequence;
	__u64 time;			/* when the event was read: CLOCK_MONOTONIC, in ns */
};

int display_shown(struct display *d, struct display_event *event, int ms);

/* Blocking: commit and event */
int display_show(struct display *d, const struct display_fb *fb, struct display_event *event);

/*
 * vkms' checksum of the whole screen at a refresh: what that has shown is the same picture if
 * it is the same number. Take that of a commit before the next commit. While it is open, each
 * refresh makes one, and writeback is not to be used (vkms has one switch for both, and turns it
 * off after a writeback).
 */
int display_crc_open(struct display *d);
void display_crc_close(struct display *d);
int display_crc(struct display *d, __u32 sequence, __u32 *crc);
/* The next one, of whatever refresh; -EAGAIN: not yet */
int display_crc_next(struct display *d, __u32 *sequence, __u32 *crc);

#endif /* CONSUMER_DISPLAY_H */
