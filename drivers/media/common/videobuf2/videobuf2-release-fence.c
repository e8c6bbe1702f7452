// SPDX-License-Identifier: GPL-2.0
/*
 * videobuf2 release fences
 *
 * While a device writes a CAPTURE buffer, a write fence on the reservation
 * object of each of its planes says so to everybody who holds the memory. The
 * driver publishes the fence right before it starts the hardware, and
 * vb2_buffer_done() signals it. See
 * Documentation/driver-api/media/v4l2-release-fences.rst.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "videobuf2-release-fence.h"

/* What SYNC_IOC_FILE_INFO has room for, with the terminating zero */
#define VB2_RELEASE_FENCE_NAME_LEN	32

/*
 * A sync_file can be kept after the buffer, the queue and the device are gone,
 * so the fence depends on none of them: it has a lock of its own, copies of its
 * names, and neither a release nor a wait callback, so that it lets go of this
 * module as soon as it has signalled.
 */
struct vb2_release_fence {
	struct dma_fence base;
	char device[VB2_RELEASE_FENCE_NAME_LEN];
	char queue[VB2_RELEASE_FENCE_NAME_LEN];
};

struct vb2_resv {
	struct dma_resv base;
	struct rcu_head rcu;
};

static struct vb2_release_fence *to_vb2_release_fence(struct dma_fence *fence)
{
	return container_of(fence, struct vb2_release_fence, base);
}

static const char *vb2_release_fence_device(struct dma_fence *fence)
{
	return to_vb2_release_fence(fence)->device;
}

static const char *vb2_release_fence_queue(struct dma_fence *fence)
{
	return to_vb2_release_fence(fence)->queue;
}

static const struct dma_fence_ops vb2_release_fence_ops = {
	.get_driver_name = vb2_release_fence_device,
	.get_timeline_name = vb2_release_fence_queue,
};

/**
 * vb2_plane_resv_init() - give a plane's memory a reservation object
 * @resv:	where to keep it
 * @vb:		the buffer that the memory is allocated for
 *
 * Does nothing if the queue of @vb has no release fences: the sharing of one
 * reservation object by several &struct dma_buf is visible to userspace.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM
 */
int vb2_plane_resv_init(struct vb2_plane_resv *resv, struct vb2_buffer *vb)
{
	struct vb2_resv *r;

	if (!vb->vb2_queue->supports_release_fences)
		return 0;

	r = kzalloc_obj(*r);
	if (!r)
		return -ENOMEM;

	dma_resv_init(&r->base);
	resv->obj = &r->base;
	return 0;
}
EXPORT_SYMBOL_GPL(vb2_plane_resv_init);

/**
 * vb2_plane_resv_fini() - drop the reservation object of a plane's memory
 * @resv:	where it is kept
 *
 * Context: any context, with the last user of the memory gone.
 */
void vb2_plane_resv_fini(struct vb2_plane_resv *resv)
{
	if (!resv->obj)
		return;

	dma_resv_fini(resv->obj);
	kfree_rcu(container_of(resv->obj, struct vb2_resv, base), rcu);
}
EXPORT_SYMBOL_GPL(vb2_plane_resv_fini);

/**
 * vb2_release_fence_queue_init() - check an opted-in queue, start its timeline
 * @q:		the queue
 *
 * Return: 0, or -EINVAL if the queue cannot have release fences
 */
int vb2_release_fence_queue_init(struct vb2_queue *q)
{
	if (!q->supports_release_fences)
		return 0;

	if (WARN_ON(q->is_output)		||
	    WARN_ON(!q->dev)			||
	    WARN_ON(!q->mem_ops->get_resv))
		return -EINVAL;

	q->release_fence_context = dma_fence_context_alloc(1);
	q->release_fence_seqno = 0;
	q->release_fence_pending = 0;
	return 0;
}

/* Collect the distinct reservation objects of @vb and return their number. */
static unsigned int vb2_release_fence_resvs(struct vb2_buffer *vb,
					    struct dma_resv **objs)
{
	const struct vb2_mem_ops *mem_ops = vb->vb2_queue->mem_ops;
	unsigned int count = 0;
	unsigned int plane;

	for (plane = 0; plane < vb->num_planes; plane++) {
		struct vb2_plane *p = &vb->planes[plane];
		struct dma_resv *obj;
		unsigned int i = 0;

		if (vb->memory == VB2_MEMORY_DMABUF)
			obj = p->dbuf->resv;
		else
			obj = mem_ops->get_resv(p->mem_priv);

		while (i < count && objs[i] != obj)
			i++;
		if (i == count)
			objs[count++] = obj;
	}

	return count;
}

static void vb2_release_fence_unlock(struct dma_resv **objs, unsigned int count)
{
	while (count--)
		dma_resv_unlock(objs[count]);
}

/* Lock all of @objs, which must be distinct; this may reorder them. */
static void vb2_release_fence_lock(struct dma_resv **objs, unsigned int count,
				   struct ww_acquire_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (dma_resv_lock(objs[i], ctx) != -EDEADLK)
			continue;

		/* Back off, and start again with the contended one. */
		vb2_release_fence_unlock(objs, i);
		swap(objs[0], objs[i]);
		dma_resv_lock_slow(objs[0], ctx);
		i = 0;
	}
	ww_acquire_done(ctx);
}

/* Put @fence at the end of the timeline of @q. */
static void vb2_release_fence_init(struct vb2_release_fence *fence,
				   struct vb2_queue *q)
{
	unsigned long flags;
	u64 context, seqno;

	strscpy(fence->device, dev_name(q->dev));
	strscpy(fence->queue, q->name);

	spin_lock_irqsave(&q->done_lock, flags);
	context = q->release_fence_context;
	seqno = ++q->release_fence_seqno;
	q->release_fence_pending++;
	spin_unlock_irqrestore(&q->done_lock, flags);

	dma_fence_init64(&fence->base, &vb2_release_fence_ops, NULL, context,
			 seqno);
}

/*
 * Take @fence off the timeline of @q. Of two fences of one context, dma_resv
 * and sync_file keep only the later one, so a fence that overtakes another
 * would hide it: the queue then goes on with a fresh context.
 */
static void vb2_release_fence_retire(struct dma_fence *fence,
				     struct vb2_queue *q)
{
	bool overtakes = false;
	unsigned long flags;

	spin_lock_irqsave(&q->done_lock, flags);
	if (fence->context == q->release_fence_context) {
		u64 oldest = q->release_fence_seqno -
			     q->release_fence_pending + 1;

		overtakes = fence->seqno != oldest &&
			    !READ_ONCE(q->release_fence_cancel);
		if (overtakes) {
			q->release_fence_context = dma_fence_context_alloc(1);
			q->release_fence_pending = 0;
		} else {
			q->release_fence_pending--;
		}
	}
	spin_unlock_irqrestore(&q->done_lock, flags);

	WARN_ONCE(overtakes, "queue %s completes its buffers out of order\n",
		  q->name);
}

/**
 * __vb2_release_fence_signal() - signal the pending fence of a buffer
 * @vb:		the buffer
 * @state:	what vb2_buffer_done() is told of the buffer
 *
 * Does nothing if there is none, or if somebody else is just signalling it.
 *
 * Context: any context.
 */
void __vb2_release_fence_signal(struct vb2_buffer *vb,
				enum vb2_buffer_state state)
{
	struct dma_fence *fence = xchg(&vb->release_fence, NULL);
	struct vb2_queue *q = vb->vb2_queue;

	if (!fence)
		return;

	/* DONE, or an error that the driver has set, stays as it is. */
	if (state != VB2_BUF_STATE_DONE && !fence->error) {
		bool cancelled = state == VB2_BUF_STATE_QUEUED ||
				 READ_ONCE(q->release_fence_cancel);

		dma_fence_set_error(fence, cancelled ? -ECANCELED : -EIO);
	}

	vb2_release_fence_retire(fence, q);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

int vb2_buffer_attach_release_fence(struct vb2_buffer *vb)
{
	struct dma_resv *objs[VB2_MAX_PLANES];
	struct vb2_queue *q = vb->vb2_queue;
	struct vb2_release_fence *fence;
	struct ww_acquire_ctx ctx;
	unsigned int count, i;
	bool cookie;
	int ret;

	if (WARN_ON(q->is_output))
		return -EINVAL;

	if (!q->supports_release_fences)
		return 0;

	if (WARN_ON(vb->state != VB2_BUF_STATE_ACTIVE) ||
	    WARN_ON(vb->release_fence))
		return -EINVAL;

	/* No dma-buf, nobody to tell. */
	if (vb->memory == VB2_MEMORY_USERPTR)
		return 0;

	fence = kzalloc_obj(*fence);
	if (!fence)
		return -ENOMEM;

	count = vb2_release_fence_resvs(vb, objs);

	ww_acquire_init(&ctx, &reservation_ww_class);
	vb2_release_fence_lock(objs, count, &ctx);

	for (i = 0; i < count; i++) {
		ret = dma_resv_reserve_fences(objs[i], 1);
		if (ret) {
			vb2_release_fence_unlock(objs, count);
			ww_acquire_fini(&ctx);
			kfree(fence);
			return ret;
		}
	}

	/* Nothing can fail from here on. */
	vb2_release_fence_init(fence, q);
	vb->release_fence = &fence->base;

	cookie = dma_fence_begin_signalling();
	for (i = 0; i < count; i++)
		dma_resv_add_fence(objs[i], &fence->base,
				   DMA_RESV_USAGE_WRITE);
	vb2_release_fence_unlock(objs, count);
	ww_acquire_fini(&ctx);
	dma_fence_end_signalling(cookie);

	return 0;
}
EXPORT_SYMBOL_GPL(vb2_buffer_attach_release_fence);

void vb2_buffer_set_release_fence_error(struct vb2_buffer *vb, int error)
{
	if (WARN_ON(error >= 0 || error < -MAX_ERRNO))
		return;

	if (vb->release_fence)
		dma_fence_set_error(vb->release_fence, error);
}
EXPORT_SYMBOL_GPL(vb2_buffer_set_release_fence_error);

void vb2_buffer_check_release_fence(struct vb2_buffer *vb)
{
	if (WARN_ON(vb->release_fence))
		__vb2_release_fence_signal(vb, VB2_BUF_STATE_ERROR);
}
EXPORT_SYMBOL_GPL(vb2_buffer_check_release_fence);
