// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>

#include "ways.h"

int wait_fd(int fd)
{
	int ret = vb2f_poll(fd, POLLIN, VB2F_TIMEOUT_MS);

	if (ret > 0)
		return ret & POLLIN ? 0 : -EIO;
	return ret ?: -ETIMEDOUT;
}

int cpu_access(int dmabuf, __u64 flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	return vb2f_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync);
}

/* Of what vb2f_export() or export_merged() returned */
static int wait_sync(int sync)
{
	int ret;

	if (sync < 0)
		return sync;
	ret = wait_fd(sync);
	close(sync);
	return ret;
}

/* KWin, mutter and Hyprland at commit: only a plane that is busy is waited for. */
static int compositor(const int *fds, int n)
{
	int p, ret = 0;

	for (p = 0; p < n && !ret; p++)
		if (!vb2f_poll(fds[p], POLLIN, 0))
			ret = wait_sync(vb2f_export(fds[p], DMA_BUF_SYNC_READ));
	return ret;
}

/* ffmpeg's import into Vulkan: always a sync_file */
static int vulkan(const int *fds, int n)
{
	int p, ret = 0;

	for (p = 0; p < n && !ret; p++)
		ret = wait_sync(vb2f_export(fds[p], DMA_BUF_SYNC_READ));
	return ret;
}

/* poll(), as programs do that know nothing of sync_files */
static int just_poll(const int *fds, int n)
{
	int p, ret = 0;

	for (p = 0; p < n && !ret; p++)
		ret = wait_fd(fds[p]);
	return ret;
}

/* Waits for each of these once, in an event loop. */
static int wait_events(const int *fds, int n)
{
	struct epoll_event event = { .events = EPOLLIN };
	int i, ret = 0, loop;

	loop = epoll_create1(EPOLL_CLOEXEC);
	if (loop < 0)
		return -errno;
	for (i = 0; i < n && !ret; i++) {
		event.data.fd = fds[i];
		if (epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &event))
			ret = -errno;
	}
	while (!ret && n) {
		ret = epoll_wait(loop, &event, 1, VB2F_TIMEOUT_MS);
		if (ret < 0 && errno == EINTR)
			ret = 0;
		else if (ret == 1)
			ret = epoll_ctl(loop, EPOLL_CTL_DEL, event.data.fd, NULL) ? -errno :
			      (n--, 0);
		else
			ret = ret ? -errno : -ETIMEDOUT;
	}
	close(loop);
	return ret;
}

static int export_all(const int *fds, int n, int *syncs)
{
	int p;

	for (p = 0; p < n; p++) {
		syncs[p] = vb2f_export(fds[p], DMA_BUF_SYNC_READ);
		if (syncs[p] < 0) {
			int ret = syncs[p];

			while (p--)
				close(syncs[p]);
			return ret;
		}
	}
	return 0;
}

/* An event loop with sync_files in it, as libwayland's or glib's */
static int epoll_sync(const int *fds, int n)
{
	int syncs[MAX_FDS], p, ret;

	ret = export_all(fds, n, syncs);
	if (ret)
		return ret;
	ret = wait_events(syncs, n);
	for (p = 0; p < n; p++)
		close(syncs[p]);
	return ret;
}

int merge_all(int *syncs, int n)
{
	int all = syncs[0], i, merged;

	for (i = 1; i < n; i++) {
		merged = all < 0 ? all : vb2f_merge(all, syncs[i]);
		if (all >= 0)
			close(all);
		close(syncs[i]);
		all = merged;
	}
	return all;
}

int export_merged(const int *fds, int n)
{
	int syncs[MAX_FDS], ret;

	ret = export_all(fds, n, syncs);
	return ret ?: merge_all(syncs, n);
}

/* One fence for the whole frame, as an explicit protocol hands it on */
static int merged(const int *fds, int n)
{
	return wait_sync(export_merged(fds, n));
}

/* A reader with the CPU. The END follows at once: who reads here reads what is coherent. */
static int cpu(const int *fds, int n)
{
	int p, ret = 0;

	for (p = 0; p < n && !ret; p++) {
		ret = cpu_access(fds[p], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
		if (!ret)
			ret = cpu_access(fds[p], DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	}
	return ret;
}

static int poll_cpu(const int *fds, int n)
{
	return just_poll(fds, n) ?: cpu(fds, n);
}

const struct way ways[NWAYS] = {
	{ "compositor", compositor, false },
	{ "vulkan", vulkan, false },
	{ "poll", just_poll, true },
	{ "epoll", wait_events, true },
	{ "epoll of sync_files", epoll_sync, false },
	{ "merged", merged, false },
	{ "poll, SYNC", poll_cpu, true },
	{ "SYNC", cpu, true },
};

const struct way *way_find(const char *name)
{
	int i;

	for (i = 0; i < NWAYS; i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	return NULL;
}
