// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <xf86drm.h>
#include <xf86drmMode.h>
#include <drm_fourcc.h>

#include "display.h"

#define CONFIGFS	"/sys/kernel/config"

/*
 * Devices
 */

/*
 * Another vkms device: a plane, a CRTC with writeback, an encoder and a connector. It stays until
 * the machine goes down, for whoever wants a display next.
 */
static int add_device(void)
{
	static const char *const dirs[] = { "", "/planes/a", "/crtcs/a", "/encoders/a",
					    "/connectors/a" };
	static const char *const links[][2] = {
		{ "/planes/a/possible_crtcs/a", "/crtcs/a" },
		{ "/encoders/a/possible_crtcs/a", "/crtcs/a" },
		{ "/connectors/a/possible_encoders/a", "/encoders/a" },
	};
	static const char *const values[] = { "/planes/a/type", "/crtcs/a/writeback", "/enabled" };
	char top[64], path[128], target[128];
	static int count;
	size_t i;
	int ret;

	if (access(CONFIGFS "/vkms", F_OK))
		mount("none", CONFIGFS, "configfs", 0, NULL);
	snprintf(top, sizeof(top), CONFIGFS "/vkms/display%d-%d", (int)getpid(), count++);
	for (i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", top, dirs[i]);
		if (mkdir(path, 0755))
			return errno == ENOENT ? -ENODEV : -errno;
	}
	for (i = 0; i < sizeof(links) / sizeof(*links); i++) {
		snprintf(path, sizeof(path), "%s%s", top, links[i][0]);
		snprintf(target, sizeof(target), "%s%s", top, links[i][1]);
		if (symlink(target, path))
			return -errno;
	}
	for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
		snprintf(path, sizeof(path), "%s%s", top, values[i]);
		ret = vb2f_write(path, "1");	/* the type: primary */
		if (ret)
			return ret;
	}
	return 0;
}

/* The first to open a device is its master, until it closes it: who opens later may not drive it */
static int find_free(struct display *d, bool *any)
{
	drmVersion *version;
	char path[32];
	struct stat st;
	bool good;
	int i, fd;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		good = version && !strcmp(version->name, "vkms");
		drmFreeVersion(version);
		*any |= good;
		if (good && drmIsMaster(fd) && !fstat(fd, &st)) {
			d->fd = fd;
			d->minor = minor(st.st_rdev);
			return 0;
		}
		close(fd);
	}
	return -ENODEV;
}

static int find_device(struct display *d)
{
	bool any = false;
	int ret, try;

	ret = find_free(d, &any);
	if (ret && !any) {
		vb2f_modprobe(false, "vkms");
		ret = find_free(d, &any);
	}
	/* Somebody else may be faster to open a new one. */
	for (try = 0; ret && any && try < 8; try++) {
		ret = add_device();
		if (ret)
			return ret;
		ret = find_free(d, &any);
	}
	return ret;
}

/*
 * Objects and their properties
 */

static int get_props(int fd, __u32 object, __u32 type, const char *const *names, __u32 *const *ids)
{
	drmModeObjectProperties *props = drmModeObjectGetProperties(fd, object, type);
	drmModePropertyRes *prop;
	int i, missing = 0;
	__u32 n;

	if (!props)
		return -ENOENT;
	for (i = 0; names[i]; i++) {
		*ids[i] = 0;
		for (n = 0; n < props->count_props && !*ids[i]; n++) {
			prop = drmModeGetProperty(fd, props->props[n]);
			if (prop && !strcmp(prop->name, names[i]))
				*ids[i] = prop->prop_id;
			drmModeFreeProperty(prop);
		}
		missing += !*ids[i];
	}
	drmModeFreeObjectProperties(props);
	return missing ? -ENOENT : 0;
}

#define NAMES(...)	((const char *const[]){ __VA_ARGS__, NULL })
#define IDS(...)	((__u32 *const[]){ __VA_ARGS__ })

static int is_primary(int fd, __u32 plane)
{
	drmModeObjectProperties *props = drmModeObjectGetProperties(fd, plane,
								    DRM_MODE_OBJECT_PLANE);
	bool primary = false;
	__u32 n, type = 0;

	get_props(fd, plane, DRM_MODE_OBJECT_PLANE, NAMES("type"), IDS(&type));
	for (n = 0; props && n < props->count_props; n++)
		if (props->props[n] == type)
			primary = props->prop_values[n] == DRM_PLANE_TYPE_PRIMARY;
	drmModeFreeObjectProperties(props);
	return primary;
}

static int find_objects(struct display *d)
{
	drmModePlaneRes *planes = drmModeGetPlaneResources(d->fd);
	drmModeRes *res = drmModeGetResources(d->fd);
	drmModeConnector *c;
	__u32 n;
	int i;

	if (res && res->count_crtcs)
		d->crtc = res->crtcs[0];
	for (i = 0; res && i < res->count_connectors; i++) {
		c = drmModeGetConnectorCurrent(d->fd, res->connectors[i]);
		if (c && c->connector_type == DRM_MODE_CONNECTOR_WRITEBACK)
			d->writeback = c->connector_id;
		else if (c)
			d->connector = c->connector_id;
		drmModeFreeConnector(c);
	}
	for (n = 0; planes && n < planes->count_planes; n++)
		if (is_primary(d->fd, planes->planes[n]))
			d->plane = planes->planes[n];
	drmModeFreeResources(res);
	drmModeFreePlaneResources(planes);
	if (!d->crtc || !d->connector || !d->writeback || !d->plane)
		return -ENOENT;

	return get_props(d->fd, d->crtc, DRM_MODE_OBJECT_CRTC,
			 NAMES("MODE_ID", "ACTIVE", "OUT_FENCE_PTR"),
			 IDS(&d->prop.mode, &d->prop.active, &d->prop.out_fence)) ?:
	       get_props(d->fd, d->plane, DRM_MODE_OBJECT_PLANE,
			 NAMES("FB_ID", "IN_FENCE_FD", "CRTC_ID", "CRTC_X", "CRTC_Y", "CRTC_W",
			       "CRTC_H", "SRC_X", "SRC_Y", "SRC_W", "SRC_H"),
			 IDS(&d->prop.fb, &d->prop.in_fence, &d->prop.crtc, &d->prop.crtc_x,
			     &d->prop.crtc_y, &d->prop.crtc_w, &d->prop.crtc_h, &d->prop.src_x,
			     &d->prop.src_y, &d->prop.src_w, &d->prop.src_h)) ?:
	       get_props(d->fd, d->connector, DRM_MODE_OBJECT_CONNECTOR, NAMES("CRTC_ID"),
			 IDS(&d->prop.connector_crtc)) ?:
	       get_props(d->fd, d->writeback, DRM_MODE_OBJECT_CONNECTOR,
			 NAMES("CRTC_ID", "WRITEBACK_FB_ID", "WRITEBACK_OUT_FENCE_PTR"),
			 IDS(&d->prop.writeback_crtc, &d->prop.writeback_fb,
			     &d->prop.writeback_fence));
}

/*
 * Opening
 */

/* libdrm begins a commit anew after a signal: only one that ends the process stops it. */
static int commit(struct display *d, drmModeAtomicReq *req, __u32 flags)
{
	int ret;

	alarm(VB2F_TIMEOUT_MS / 1000);
	ret = drmModeAtomicCommit(d->fd, req, flags, d);
	alarm(0);
	return ret;
}

static void add(drmModeAtomicReq *req, __u32 object, __u32 prop, __u64 value)
{
	drmModeAtomicAddProperty(req, object, prop, value);
}

/* The clock counts in kHz: these totals make exactly 60 Hz of it. */
static int make_mode(struct display *d)
{
	drmModeModeInfo mode = {
		.hdisplay = d->width,
		.vdisplay = d->height,
		.hsync_start = d->width + 2,
		.hsync_end = d->width + 4,
		.htotal = (d->width + 55) / 50 * 50,
		.vsync_start = d->height + 1,
		.vsync_end = d->height + 2,
		.vtotal = (d->height + 5) / 3 * 3,
		.vrefresh = 60,
		.name = "vb2-fences",
	};

	mode.clock = mode.htotal / 50 * (mode.vtotal / 3) * 9;
	return drmModeCreatePropertyBlob(d->fd, &mode, sizeof(mode), &d->mode);
}

static int turn(struct display *d, bool on)
{
	drmModeAtomicReq *req = drmModeAtomicAlloc();
	__u32 crtc = on ? d->crtc : 0;
	int ret;

	if (!req)
		return -ENOMEM;
	add(req, d->plane, d->prop.fb, 0);
	add(req, d->plane, d->prop.crtc, 0);
	add(req, d->connector, d->prop.connector_crtc, crtc);
	add(req, d->writeback, d->prop.writeback_crtc, crtc);
	add(req, d->crtc, d->prop.mode, on ? d->mode : 0);
	add(req, d->crtc, d->prop.active, on);
	ret = commit(d, req, DRM_MODE_ATOMIC_ALLOW_MODESET);
	drmModeAtomicFree(req);
	d->on = !ret && on;
	return ret;
}

int display_open(struct display *d, __u32 width, __u32 height)
{
	__u64 end = vb2f_now() + VB2F_TIMEOUT_MS * 1000000ULL;
	int ret;

	*d = (struct display) { .width = width, .height = height, .crc = -1 };
	ret = find_device(d);
	if (ret)
		return ret;
	if (drmSetClientCap(d->fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1) ||
	    drmSetClientCap(d->fd, DRM_CLIENT_CAP_ATOMIC, 1) ||
	    drmSetClientCap(d->fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1))
		ret = -EOPNOTSUPP;
	/* If somebody else has just made the device, its connectors come after the node. */
	if (!ret)
		ret = find_objects(d);
	while (ret == -ENOENT && vb2f_now() < end) {
		vb2f_sleep_us(10000);
		ret = find_objects(d);
	}
	if (!ret)
		ret = make_mode(d);
	if (!ret)
		ret = turn(d, true);
	if (ret)
		display_close(d);
	return ret;
}

int display_borrow(struct display *d, int fd, __u32 width, __u32 height)
{
	int ret;

	*d = (struct display) { .fd = fd, .width = width, .height = height, .crc = -1 };
	if (drmSetClientCap(fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1))
		return -EOPNOTSUPP;
	ret = find_objects(d);
	drmSetClientCap(fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 0);
	return ret;
}

void display_close(struct display *d)
{
	display_crc_close(d);
	if (d->on)
		turn(d, false);
	if (d->mode)
		drmModeDestroyPropertyBlob(d->fd, d->mode);
	if (d->fd > 0)
		close(d->fd);
	memset(d, 0, sizeof(*d));
	d->crc = -1;
}

/*
 * Framebuffers
 */

static int add_fb(struct display *d, struct display_fb *fb)
{
	const struct display_layout *l = &fb->layout;
	__u32 handles[DISPLAY_MAX_PLANES] = {};
	int i;

	for (i = 0; i < l->nplanes; i++)
		handles[i] = fb->handle[l->buf[i]];
	return drmModeAddFB2(d->fd, l->width, l->height, l->fourcc, handles, l->pitch, l->offset,
			     &fb->id, 0);
}

int display_import(struct display *d, struct display_fb *fb, const struct display_layout *layout,
		   const int *fds)
{
	int i, ret = 0;

	memset(fb, 0, sizeof(*fb));
	fb->layout = *layout;
	for (i = 0; i < layout->nbufs && !ret; i++)
		ret = drmPrimeFDToHandle(d->fd, fds[i], &fb->handle[i]) ? -errno : 0;
	if (!ret)
		ret = add_fb(d, fb);
	if (ret)
		display_drop(d, fb);
	return ret;
}

static int add_dumb(struct display *d, __u32 size, __u32 *handle, void **map)
{
	struct drm_mode_create_dumb create = { .bpp = 8, .width = size, .height = 1 };
	struct drm_mode_map_dumb where = {};
	int ret;

	ret = vb2f_ioctl(d->fd, DRM_IOCTL_MODE_CREATE_DUMB, &create);
	if (ret)
		return ret;
	*handle = where.handle = create.handle;
	ret = vb2f_ioctl(d->fd, DRM_IOCTL_MODE_MAP_DUMB, &where);
	if (ret)
		return ret;
	*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, where.offset);
	if (*map != MAP_FAILED)
		return 0;
	*map = NULL;
	return -errno;
}

int display_dumb(struct display *d, struct display_fb *fb, const struct display_layout *layout)
{
	int i, ret = 0;

	memset(fb, 0, sizeof(*fb));
	fb->layout = *layout;
	fb->dumb = true;
	for (i = 0; i < layout->nbufs && !ret; i++)
		ret = add_dumb(d, layout->size[i], &fb->handle[i], &fb->map[i]);
	if (!ret)
		ret = add_fb(d, fb);
	if (ret)
		display_drop(d, fb);
	return ret;
}

int display_dumb_xrgb(struct display *d, struct display_fb *fb)
{
	const struct display_layout layout = {
		.fourcc = DRM_FORMAT_XRGB8888,
		.width = d->width,
		.height = d->height,
		.nbufs = 1,
		.size = { d->width * 4 * d->height },
		.nplanes = 1,
		.pitch = { d->width * 4 },
	};

	return display_dumb(d, fb, &layout);
}

void display_drop(struct display *d, struct display_fb *fb)
{
	struct drm_gem_close gone = {};
	int i;

	if (fb->id)
		drmModeRmFB(d->fd, fb->id);
	for (i = 0; i < fb->layout.nbufs; i++) {
		if (fb->map[i])
			munmap(fb->map[i], fb->layout.size[i]);
		gone.handle = fb->handle[i];
		if (gone.handle)
			vb2f_ioctl(d->fd, DRM_IOCTL_GEM_CLOSE, &gone);
	}
	memset(fb, 0, sizeof(*fb));
}

int display_write_ppm(const char *path, const __u32 *xrgb, __u32 width, __u32 height)
{
	FILE *f = fopen(path, "we");
	__u32 i;

	if (!f)
		return -errno;
	fprintf(f, "P6\n%u %u\n255\n", width, height);
	for (i = 0; i < width * height; i++) {
		putc(xrgb[i] >> 16 & 0xff, f);
		putc(xrgb[i] >> 8 & 0xff, f);
		putc(xrgb[i] & 0xff, f);
	}
	return fclose(f) ? -errno : 0;
}

/*
 * Checksums
 */

#define CRC	"/sys/kernel/debug/dri/%u/crtc-0/crc/%s"

int display_crc_open(struct display *d)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), CRC, d->minor, "control");
	ret = vb2f_write(path, "auto");
	if (ret)
		return ret;
	snprintf(path, sizeof(path), CRC, d->minor, "data");
	d->crc = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return d->crc < 0 ? -errno : 0;
}

void display_crc_close(struct display *d)
{
	if (d->crc >= 0)
		close(d->crc);
	d->crc = -1;
}

int display_crc_next(struct display *d, __u32 *sequence, __u32 *crc)
{
	char line[64];
	ssize_t len;

	len = read(d->crc, line, sizeof(line) - 1);
	if (len <= 0)
		return len ? -errno : -EIO;
	line[len] = 0;
	return sscanf(line, "%x %x", sequence, crc) == 2 ? 0 : -EIO;
}

int display_crc(struct display *d, __u32 sequence, __u32 *crc)
{
	__u32 frame;
	int ret;

	for (;;) {
		ret = vb2f_poll(d->crc, POLLIN, VB2F_TIMEOUT_MS);
		if (ret <= 0)
			return ret ?: -ETIMEDOUT;
		ret = display_crc_next(d, &frame, crc);
		if (ret && ret != -EAGAIN)
			return ret;
		if (!ret && frame == sequence)
			return 0;
		if (!ret && (__s32)(frame - sequence) > 0)
			return -ENODATA;
	}
}

/* There is room for two seconds of them: if nobody reads, it is the new ones that are lost. */
static void drop_crcs(struct display *d)
{
	__u32 frame, crc;

	while (d->crc >= 0 && !display_crc_next(d, &frame, &crc))
		;
}

/*
 * Flips
 */

int display_commit(struct display *d, struct display_flip *flip)
{
	__u32 flags = DRM_MODE_PAGE_FLIP_EVENT | (flip->nonblock ? DRM_MODE_ATOMIC_NONBLOCK : 0);
	const struct display_layout *l = &flip->fb->layout;
	__u32 width = l->width < d->width ? l->width : d->width;
	__u32 height = l->height < d->height ? l->height : d->height;
	drmModeAtomicReq *req = drmModeAtomicAlloc();
	int ret;

	if (!req)
		return -ENOMEM;
	add(req, d->plane, d->prop.fb, flip->fb->id);
	add(req, d->plane, d->prop.crtc, d->crtc);
	add(req, d->plane, d->prop.crtc_x, 0);
	add(req, d->plane, d->prop.crtc_y, 0);
	add(req, d->plane, d->prop.crtc_w, width);
	add(req, d->plane, d->prop.crtc_h, height);
	add(req, d->plane, d->prop.src_x, 0);
	add(req, d->plane, d->prop.src_y, 0);
	add(req, d->plane, d->prop.src_w, width << 16);
	add(req, d->plane, d->prop.src_h, height << 16);
	if (flip->in_fence > 0)
		add(req, d->plane, d->prop.in_fence, flip->in_fence);
	if (flip->out_fence)
		add(req, d->crtc, d->prop.out_fence, (uintptr_t)flip->out_fence);
	flip->writeback_fence = -1;
	if (flip->writeback) {
		add(req, d->writeback, d->prop.writeback_fb, flip->writeback->id);
		add(req, d->writeback, d->prop.writeback_fence,
		    (uintptr_t)&flip->writeback_fence);
	}
	d->flipped = false;
	drop_crcs(d);
	ret = commit(d, req, flags);
	drmModeAtomicFree(req);
	return ret;
}

static void on_flip(int fd, unsigned int sequence, unsigned int sec, unsigned int usec,
		    unsigned int crtc, void *data)
{
	struct display *d = data;

	(void)fd;
	(void)sec;
	(void)usec;
	(void)crtc;
	d->flipped = true;
	d->sequence = sequence;
}

int display_shown(struct display *d, struct display_event *event, int ms)
{
	drmEventContext context = { .version = 3, .page_flip_handler2 = on_flip };
	int ret;

	if (!d->flipped) {
		ret = vb2f_poll(d->fd, POLLIN, ms);
		if (ret <= 0)
			return ret ?: -ETIMEDOUT;
		if (drmHandleEvent(d->fd, &context) || !d->flipped)
			return -EIO;
	}
	event->sequence = d->sequence;
	event->time = vb2f_now();
	return 0;
}

int display_show(struct display *d, const struct display_fb *fb, struct display_event *event)
{
	struct display_flip flip = { .fb = fb };

	return display_commit(d, &flip) ?: display_shown(d, event, VB2F_TIMEOUT_MS);
}
