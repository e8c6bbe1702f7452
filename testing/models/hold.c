// SPDX-License-Identifier: GPL-2.0
/*
 * Plays an importer that keeps the reservation lock of a dma-buf for long, as a
 * graphics driver does that moves memory, or that waits for a fence, meanwhile.
 *
 * debugfs: hold/lock   write "FD MS": locks FD for MS milliseconds; the write returns when
 *                      that is over, or the writer is killed
 *                      write "FD MS FENCED": until the fences of the dma-buf FENCED have
 *                      signalled, MS milliseconds at most
 *          hold/locked  how many are locked now
 *          hold/timeouts  how often FENCED had not signalled after MS
 */

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#define MAX_MS	15000

static struct dentry *dir;
static atomic_t locked = ATOMIC_INIT(0);
static atomic_t timeouts = ATOMIC_INIT(0);

static void hold(struct dma_buf *dmabuf, struct dma_buf *fenced, long time)
{
	dma_resv_lock(dmabuf->resv, NULL);
	atomic_inc(&locked);
	if (!fenced)
		schedule_timeout_killable(time);
	else if (!dma_resv_wait_timeout(fenced->resv, DMA_RESV_USAGE_WRITE, false, time))
		atomic_inc(&timeouts);
	atomic_dec(&locked);
	dma_resv_unlock(dmabuf->resv);
}

static ssize_t lock_write(struct file *file, const char __user *user, size_t size, loff_t *pos)
{
	struct dma_buf *dmabuf, *fenced = NULL;
	int fd, fenced_fd, fields;
	unsigned int ms;
	char text[48];
	ssize_t len;

	len = simple_write_to_buffer(text, sizeof(text) - 1, pos, user, size);
	if (len < 0)
		return len;
	text[len] = 0;
	fields = sscanf(text, "%d %u %d", &fd, &ms, &fenced_fd);
	if (fields < 2 || ms > MAX_MS)
		return -EINVAL;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (fields == 3) {
		fenced = dma_buf_get(fenced_fd);
		if (IS_ERR(fenced)) {
			dma_buf_put(dmabuf);
			return PTR_ERR(fenced);
		}
	}
	hold(dmabuf, fenced, msecs_to_jiffies(ms));
	if (fenced)
		dma_buf_put(fenced);
	dma_buf_put(dmabuf);
	return len;
}

static const struct file_operations lock_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = lock_write,
};

static int __init hold_init(void)
{
	dir = debugfs_create_dir("hold", NULL);
	debugfs_create_file("lock", 0200, dir, NULL, &lock_fops);
	debugfs_create_atomic_t("locked", 0444, dir, &locked);
	debugfs_create_atomic_t("timeouts", 0444, dir, &timeouts);
	return 0;
}
module_init(hold_init);

static void __exit hold_exit(void)
{
	debugfs_remove(dir);
}
module_exit(hold_exit);

MODULE_DESCRIPTION("Holds the reservation lock of a dma-buf");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
