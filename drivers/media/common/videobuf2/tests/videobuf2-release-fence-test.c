// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for videobuf2 release fences
 *
 * The queue is a real one. Its driver, its memory and its dma-bufs are mocks:
 * a plane is nothing but a reservation object.
 */

#include <kunit/device.h>
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-resv.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <media/v4l2-mem2mem.h>
#include <media/videobuf2-core.h>

#include "../videobuf2-release-fence.h"

#define NUM_BUFS	4
#define ROUNDS		200

/* Longer than what reaches userspace */
#define DEVICE_NAME	"a-device-that-has-a-name-of-more-than-31-characters"

/*
 * What kind of queue a test wants. @planes has a digit for each plane: the
 * index of the first plane with the same reservation object. "0022" is four
 * planes in two pairs.
 */
struct queue_desc {
	const char *planes;
	enum vb2_memory memory;
	/* Import one dma-buf into the planes that share, not several. */
	bool same_dbuf;
	bool no_fences;
	bool is_output;
};

struct test_context {
	struct device *dev;
	int debug_locks;
};

struct test_queue {
	struct vb2_queue q;
	struct mutex lock;	/* of the queue */
	struct queue_desc desc;
	struct dma_buf *dbuf[VB2_MAX_PLANES];
	int fd[VB2_MAX_PLANES];

	/* What stop_streaming() does with the buffers */
	enum vb2_buffer_state stop_state;
	bool stop_reverse;
	bool stop_forget;
	int stop_error;

	/* What happened while this fence was pending */
	struct dma_fence *watched;
	unsigned int finished_before;
	unsigned int finished_after;
};

struct test_mem {
	struct dma_resv own;
	struct dma_resv *resv;
	struct test_queue *t;
};

static struct test_queue *to_test_queue(struct vb2_queue *q)
{
	return container_of(q, struct test_queue, q);
}

/* The memory */

static struct test_mem *test_mem_new(struct test_queue *t,
				     struct dma_resv *resv)
{
	struct test_mem *mem = kzalloc_obj(*mem);

	if (mem) {
		dma_resv_init(&mem->own);
		mem->resv = resv ?: &mem->own;
		mem->t = t;
	}
	return mem;
}

static void test_mem_free(void *priv)
{
	struct test_mem *mem = priv;

	dma_resv_fini(&mem->own);
	kfree(mem);
}

static struct dma_resv *test_mem_resv(void *priv)
{
	struct test_mem *mem = priv;

	return mem->resv;
}

static void *test_mem_alloc(struct vb2_buffer *vb, struct device *dev,
			    unsigned long size)
{
	struct test_queue *t = to_test_queue(vb->vb2_queue);
	struct dma_resv *resv = NULL;
	unsigned int plane = 0, first;
	struct test_mem *mem;

	while (vb->planes[plane].mem_priv)
		plane++;
	first = t->desc.planes[plane] - '0';
	if (first < plane)
		resv = test_mem_resv(vb->planes[first].mem_priv);

	mem = test_mem_new(t, resv);
	return mem ?: ERR_PTR(-ENOMEM);
}

static void *test_mem_get_userptr(struct vb2_buffer *vb, struct device *dev,
				  unsigned long vaddr, unsigned long size)
{
	return test_mem_alloc(vb, dev, size);
}

static void *test_mem_attach_dmabuf(struct vb2_buffer *vb, struct device *dev,
				    struct dma_buf *dbuf, unsigned long size)
{
	struct test_mem *mem = test_mem_new(to_test_queue(vb->vb2_queue), NULL);

	return mem ?: ERR_PTR(-ENOMEM);
}

static int test_mem_map_dmabuf(void *priv)
{
	return 0;
}

static void test_mem_unmap_dmabuf(void *priv)
{
}

static void test_mem_finish(void *priv)
{
	struct test_mem *mem = priv;

	if (!mem->t->watched)
		return;
	if (dma_fence_is_signaled(mem->t->watched))
		mem->t->finished_after++;
	else
		mem->t->finished_before++;
}

static const struct vb2_mem_ops test_mem_ops = {
	.alloc		= test_mem_alloc,
	.put		= test_mem_free,
	.get_userptr	= test_mem_get_userptr,
	.put_userptr	= test_mem_free,
	.attach_dmabuf	= test_mem_attach_dmabuf,
	.detach_dmabuf	= test_mem_free,
	.map_dmabuf	= test_mem_map_dmabuf,
	.unmap_dmabuf	= test_mem_unmap_dmabuf,
	.finish		= test_mem_finish,
	.get_resv	= test_mem_resv,
};

static const struct vb2_mem_ops test_mem_ops_no_resv = {
	.alloc		= test_mem_alloc,
	.put		= test_mem_free,
};

/* The dma-bufs */

static struct sg_table *test_dbuf_map(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void test_dbuf_unmap(struct dma_buf_attachment *attach,
			    struct sg_table *sgt, enum dma_data_direction dir)
{
}

static void test_dbuf_release(struct dma_buf *dbuf)
{
	test_mem_free(dbuf->priv);
}

static const struct dma_buf_ops test_dbuf_ops = {
	.map_dma_buf	= test_dbuf_map,
	.unmap_dma_buf	= test_dbuf_unmap,
	.release	= test_dbuf_release,
};

static struct dma_buf *test_dbuf_new(struct test_queue *t, unsigned int plane)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	unsigned int first = t->desc.planes[plane] - '0';
	struct dma_resv *resv = NULL;
	struct dma_buf *dbuf;
	struct test_mem *mem;

	if (first < plane) {
		if (t->desc.same_dbuf) {
			get_dma_buf(t->dbuf[first]);
			return t->dbuf[first];
		}
		resv = t->dbuf[first]->resv;
	}

	mem = test_mem_new(t, resv);
	if (!mem)
		return ERR_PTR(-ENOMEM);

	info.ops = &test_dbuf_ops;
	info.size = PAGE_SIZE;
	info.flags = O_RDWR;
	info.resv = mem->resv;
	info.priv = mem;
	dbuf = dma_buf_export(&info);
	if (IS_ERR(dbuf))
		test_mem_free(mem);
	return dbuf;
}

/* The driver */

static int test_queue_setup(struct vb2_queue *q, unsigned int *num_buffers,
			    unsigned int *num_planes, unsigned int sizes[],
			    struct device *alloc_devs[])
{
	unsigned int i;

	*num_planes = strlen(to_test_queue(q)->desc.planes);
	for (i = 0; i < *num_planes; i++)
		sizes[i] = PAGE_SIZE;
	return 0;
}

static void test_buf_queue(struct vb2_buffer *vb)
{
}

static int test_start_streaming(struct vb2_queue *q, unsigned int count)
{
	return 0;
}

static void test_stop_streaming(struct vb2_queue *q)
{
	struct test_queue *t = to_test_queue(q);
	unsigned int i;

	for (i = 0; i < NUM_BUFS && !t->stop_forget; i++) {
		unsigned int index = t->stop_reverse ? NUM_BUFS - 1 - i : i;
		struct vb2_buffer *vb = vb2_get_buffer(q, index);

		if (!vb || vb->state != VB2_BUF_STATE_ACTIVE)
			continue;
		if (t->stop_error)
			vb2_buffer_set_release_fence_error(vb, t->stop_error);
		vb2_buffer_done(vb, t->stop_state);
	}
}

static const struct vb2_ops test_ops = {
	.queue_setup	 = test_queue_setup,
	.buf_queue	 = test_buf_queue,
	.start_streaming = test_start_streaming,
	.stop_streaming	 = test_stop_streaming,
};

/* What userspace would say about the planes */
static int test_fill_vb2_buffer(struct vb2_buffer *vb, struct vb2_plane *planes)
{
	struct test_queue *t = to_test_queue(vb->vb2_queue);
	unsigned int i;

	for (i = 0; i < vb->num_planes; i++) {
		planes[i].length = PAGE_SIZE;
		if (vb->memory == VB2_MEMORY_USERPTR)
			planes[i].m.userptr = (i + 1) * PAGE_SIZE;
		else if (vb->memory == VB2_MEMORY_DMABUF)
			planes[i].m.fd = t->fd[i];
	}
	return 0;
}

static const struct vb2_buf_ops test_buf_ops = {
	.fill_vb2_buffer = test_fill_vb2_buffer,
};

/* The fixture */

static void test_queue_free(void *data)
{
	struct test_queue *t = data;
	unsigned int i;

	mutex_lock(&t->lock);
	vb2_core_queue_release(&t->q);
	mutex_unlock(&t->lock);

	for (i = 0; i < VB2_MAX_PLANES; i++)
		if (t->dbuf[i])
			dma_buf_put(t->dbuf[i]);
	/* The last fput() of a kernel thread is delayed. */
	flush_delayed_fput();
	kfree(t);
}

static void test_queue_fill(struct kunit *test, struct test_queue *t,
			    const struct queue_desc *desc)
{
	struct test_context *context = test->priv;
	struct vb2_queue *q = &t->q;

	t->desc = *desc;
	t->stop_state = VB2_BUF_STATE_ERROR;
	mutex_init(&t->lock);

	q->type = 1;
	q->io_modes = VB2_MMAP | VB2_USERPTR | VB2_DMABUF;
	q->is_output = desc->is_output;
	q->supports_release_fences = !desc->no_fences;
	q->dev = context->dev;
	q->ops = &test_ops;
	q->mem_ops = &test_mem_ops;
	q->buf_ops = &test_buf_ops;
	q->buf_struct_size = sizeof(struct v4l2_m2m_buffer);
	q->lock = &t->lock;
	strscpy(q->name, "a queue");
}

static void test_queue_qbuf(struct kunit *test, struct test_queue *t,
			    unsigned int index)
{
	struct vb2_buffer *vb = vb2_get_buffer(&t->q, index);
	unsigned int i;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, vb);
	for (i = 0; i < vb->num_planes && t->dbuf[i]; i++) {
		get_dma_buf(t->dbuf[i]);
		t->fd[i] = dma_buf_fd(t->dbuf[i], O_CLOEXEC);
		KUNIT_ASSERT_GE(test, t->fd[i], 0);
	}

	mutex_lock(&t->lock);
	ret = vb2_core_qbuf(&t->q, vb, NULL, NULL);
	mutex_unlock(&t->lock);
	KUNIT_ASSERT_EQ(test, ret, 0);

	while (i--)
		close_fd(t->fd[i]);
}

/* Allocate and queue all buffers and start: the driver owns them then. */
static void test_queue_start(struct kunit *test, struct test_queue *t)
{
	unsigned int count = NUM_BUFS;
	unsigned int i;
	int ret;

	mutex_lock(&t->lock);
	ret = vb2_core_reqbufs(&t->q, t->desc.memory, 0, &count);
	mutex_unlock(&t->lock);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, count, NUM_BUFS);

	for (i = 0; i < NUM_BUFS; i++)
		test_queue_qbuf(test, t, i);

	mutex_lock(&t->lock);
	ret = vb2_core_streamon(&t->q, t->q.type);
	mutex_unlock(&t->lock);
	KUNIT_ASSERT_EQ(test, ret, 0);
}

static struct test_queue *test_queue_new(struct kunit *test,
					 const struct queue_desc *desc)
{
	struct test_queue *t = kzalloc_obj(*t);
	unsigned int i;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test_queue_fill(test, t, desc);

	mutex_lock(&t->lock);
	ret = vb2_core_queue_init(&t->q);
	mutex_unlock(&t->lock);
	if (ret) {
		kfree(t);
		KUNIT_FAIL_AND_ABORT(test, "vb2_core_queue_init(): %d", ret);
		return NULL;
	}
	ret = kunit_add_action_or_reset(test, test_queue_free, t);
	KUNIT_ASSERT_EQ(test, ret, 0);

	for (i = 0; desc->memory == VB2_MEMORY_DMABUF && desc->planes[i]; i++) {
		struct dma_buf *dbuf = test_dbuf_new(t, i);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dbuf);
		t->dbuf[i] = dbuf;
	}

	test_queue_start(test, t);
	return t;
}

static void test_queue_streamoff(struct test_queue *t)
{
	mutex_lock(&t->lock);
	vb2_core_streamoff(&t->q, t->q.type);
	mutex_unlock(&t->lock);
}

static struct vb2_buffer *test_buf(struct test_queue *t, unsigned int index)
{
	return vb2_get_buffer(&t->q, index);
}

static struct dma_resv *test_plane_resv(struct vb2_buffer *vb,
					unsigned int plane)
{
	struct vb2_plane *p = &vb->planes[plane];

	return p->dbuf ? p->dbuf->resv : test_mem_resv(p->mem_priv);
}

/* Number of fences that a reservation object shows; one of them in @last. */
static unsigned int test_resv_fences(struct dma_resv *resv,
				     struct dma_fence **last,
				     enum dma_resv_usage *usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int count = 0;

	/* Do not wait for ever for one that was left locked. */
	if (!dma_resv_trylock(resv))
		return UINT_MAX;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		count++;
		if (last)
			*last = fence;
		if (usage)
			*usage = dma_resv_iter_usage(&cursor);
	}
	dma_resv_unlock(resv);
	return count;
}

static void test_expect_nothing(struct kunit *test, struct vb2_buffer *vb)
{
	unsigned int i;

	for (i = 0; i < vb->num_planes; i++) {
		struct dma_resv *resv = test_plane_resv(vb, i);

		KUNIT_ASSERT_FALSE(test, dma_resv_is_locked(resv));
		KUNIT_EXPECT_EQ(test, test_resv_fences(resv, NULL, NULL), 0);
	}
}

static void test_expect_silence(struct kunit *test, struct vb2_buffer *vb)
{
	/* Neither of the two finds a fence. */
	kunit_warning_suppress(test) {
		vb2_buffer_set_release_fence_error(vb, -ETIMEDOUT);
		vb2_buffer_check_release_fence(vb);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
}

/* A buffer for which there are no fences goes its way without them. */
static void test_expect_no_part(struct kunit *test,
				const struct queue_desc *desc)
{
	static const enum vb2_buffer_state states[] = {
		VB2_BUF_STATE_DONE, VB2_BUF_STATE_ERROR, VB2_BUF_STATE_QUEUED,
	};
	struct test_queue *t = test_queue_new(test, desc);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct vb2_buffer *vb = test_buf(t, i);

		KUNIT_ASSERT_EQ(test, vb->state, VB2_BUF_STATE_ACTIVE);
		kunit_warning_suppress(test) {
			KUNIT_EXPECT_EQ(test,
					vb2_buffer_attach_release_fence(vb), 0);
			/* Nothing is pending, so this is no second one. */
			KUNIT_EXPECT_EQ(test,
					vb2_buffer_attach_release_fence(vb), 0);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
		}
		test_expect_nothing(test, vb);
		test_expect_silence(test, vb);
		vb2_buffer_done(vb, states[i]);
		KUNIT_EXPECT_EQ(test, vb->state, states[i]);
		test_expect_nothing(test, vb);
	}
	test_queue_streamoff(t);
}

static void not_opted_in(struct kunit *test)
{
	test_expect_no_part(test, &(struct queue_desc) {
		.planes = "012", .memory = VB2_MEMORY_MMAP, .no_fences = true,
	});
}

static void not_opted_in_imported(struct kunit *test)
{
	test_expect_no_part(test, &(struct queue_desc) {
		.planes = "010", .memory = VB2_MEMORY_DMABUF, .no_fences = true,
	});
}

static void userptr(struct kunit *test)
{
	test_expect_no_part(test, &(struct queue_desc) {
		.planes = "01", .memory = VB2_MEMORY_USERPTR,
	});
}

static void capability(struct kunit *test)
{
	struct vb2_queue q = { .supports_release_fences = 1 };

	KUNIT_EXPECT_EQ(test, vb2_queue_has_release_fences(&q),
			IS_ENABLED(CONFIG_VIDEOBUF2_RELEASE_FENCES));
	q.supports_release_fences = 0;
	KUNIT_EXPECT_FALSE(test, vb2_queue_has_release_fences(&q));
}

/* What the allocators do for a queue that opted in, and only for that */
static void plane_resv(struct kunit *test)
{
	struct vb2_queue q = { .supports_release_fences = 1 };
	struct vb2_plane_resv on = {}, off = {};
	struct vb2_buffer vb = { .vb2_queue = &q };

	KUNIT_EXPECT_EQ(test, vb2_plane_resv_init(&on, &vb), 0);
	q.supports_release_fences = 0;
	KUNIT_EXPECT_EQ(test, vb2_plane_resv_init(&off, &vb), 0);

	KUNIT_EXPECT_EQ(test, !!vb2_plane_resv_obj(&on),
			IS_ENABLED(CONFIG_VIDEOBUF2_RELEASE_FENCES));
	KUNIT_EXPECT_NULL(test, vb2_plane_resv_obj(&off));
	if (vb2_plane_resv_obj(&on))
		KUNIT_EXPECT_EQ(test, test_resv_fences(vb2_plane_resv_obj(&on),
						       NULL, NULL), 0);

	vb2_plane_resv_fini(&on);
	vb2_plane_resv_fini(&off);
}

static const struct queue_init_param {
	const char *name;
	bool is_output, no_dev, no_get_resv, no_fences;
	bool refused;
} queue_init_params[] = {
	{ .name = "output", .is_output = true, .refused = true },
	{ .name = "no dev", .no_dev = true, .refused = true },
	{ .name = "no get_resv", .no_get_resv = true, .refused = true },
	{ .name = "capture" },
	{ .no_fences = true, .name = "output, not opted in",
	  .is_output = true },
	{ .no_fences = true, .name = "no dev, not opted in", .no_dev = true },
	{ .no_fences = true, .name = "no get_resv, not opted in",
	  .no_get_resv = true },
};

KUNIT_ARRAY_PARAM_DESC(queue_init, queue_init_params, name);

static void queue_init(struct kunit *test)
{
	const struct queue_init_param *p = test->param_value;
	bool refused = p->refused &&
		       IS_ENABLED(CONFIG_VIDEOBUF2_RELEASE_FENCES);
	struct test_queue *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test_queue_fill(test, t, &(struct queue_desc) {
		.is_output = p->is_output, .no_fences = p->no_fences,
	});
	if (p->no_dev)
		t->q.dev = NULL;
	if (p->no_get_resv)
		t->q.mem_ops = &test_mem_ops_no_resv;

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, vb2_core_queue_init(&t->q),
				refused ? -EINVAL : 0);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, refused);
	}
}

#if IS_REACHABLE(CONFIG_V4L2_MEM2MEM_DEV)

/* A mem2mem job takes the first buffer of each queue. */

static const struct m2m_param {
	const char *name;
	u32 flags;
	bool no_fences, no_src, no_dst;
	bool published, warned;
} m2m_params[] = {
	{ .name = "completes", .published = true },
	{ .name = "holds", .flags = V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF },
	{ .name = "no source buffer", .no_src = true, .warned = true },
	{ .name = "no destination buffer", .no_dst = true, .warned = true },
	{ .name = "not opted in", .no_fences = true },
	{ .name = "not opted in, no buffers", .no_fences = true,
	  .no_src = true, .no_dst = true },
};

KUNIT_ARRAY_PARAM_DESC(m2m, m2m_params, name);

static void test_m2m_queue(struct v4l2_m2m_queue_ctx *q_ctx,
			   struct v4l2_m2m_buffer *buf)
{
	INIT_LIST_HEAD(&q_ctx->rdy_queue);
	spin_lock_init(&q_ctx->rdy_spinlock);
	if (buf)
		list_add(&buf->list, &q_ctx->rdy_queue);
}

static void m2m(struct kunit *test)
{
	const struct m2m_param *p = test->param_value;
	bool enabled = IS_ENABLED(CONFIG_VIDEOBUF2_RELEASE_FENCES);
	struct v4l2_m2m_buffer *src, *dst;
	struct v4l2_m2m_ctx *ctx;
	struct test_queue *t;
	unsigned int i;

	src = kunit_kzalloc(test, sizeof(*src), GFP_KERNEL);
	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, src);
	KUNIT_ASSERT_NOT_NULL(test, ctx);

	t = test_queue_new(test, &(struct queue_desc) {
		.planes = "01", .memory = VB2_MEMORY_MMAP,
		.no_fences = p->no_fences,
	});
	dst = container_of(test_buf(t, 0), struct v4l2_m2m_buffer, vb.vb2_buf);
	src->vb.flags = p->flags;
	ctx->cap_q_ctx.q.supports_release_fences = !p->no_fences;
	test_m2m_queue(&ctx->out_q_ctx, p->no_src ? NULL : src);
	test_m2m_queue(&ctx->cap_q_ctx, p->no_dst ? NULL : dst);

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, v4l2_m2m_attach_release_fence(ctx),
				enabled && p->warned ? -EINVAL : 0);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test,
						      enabled && p->warned);
	}
	for (i = 0; i < 2; i++) {
		struct dma_resv *resv = test_plane_resv(test_buf(t, 0), i);

		KUNIT_EXPECT_EQ(test, test_resv_fences(resv, NULL, NULL),
				enabled && p->published);
	}
}

#endif /* CONFIG_V4L2_MEM2MEM_DEV */

#ifdef CONFIG_VIDEOBUF2_RELEASE_FENCES

KUNIT_DEFINE_ACTION_WRAPPER(test_fence_put, dma_fence_put, struct dma_fence *);

/* Take a reference that ends with the test. */
static struct dma_fence *test_fence_keep(struct kunit *test,
					 struct dma_fence *fence)
{
	dma_fence_get(fence);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_fence_put,
							fence), 0);
	return fence;
}

/* A fence of somebody else */

static const char *test_fence_name(struct dma_fence *fence)
{
	return "somebody else";
}

static const struct dma_fence_ops test_fence_ops = {
	.get_driver_name = test_fence_name,
	.get_timeline_name = test_fence_name,
};

static struct dma_fence *test_fence_new(struct kunit *test)
{
	struct dma_fence *fence = kzalloc_obj(*fence);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_fence_init64(fence, &test_fence_ops, NULL,
			 dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_fence_put,
							fence), 0);
	return fence;
}

/* Whether no plane before this one has the same reservation object */
static bool test_plane_is_first(struct vb2_buffer *vb, unsigned int plane)
{
	unsigned int i;

	for (i = 0; i < plane; i++)
		if (test_plane_resv(vb, i) == test_plane_resv(vb, plane))
			return false;
	return true;
}

static unsigned int test_num_resvs(struct vb2_buffer *vb)
{
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < vb->num_planes; i++)
		count += test_plane_is_first(vb, i);
	return count;
}

/* Expect that all planes show the same fence, unsignalled, and keep it. */
static struct dma_fence *test_expect_fence(struct kunit *test,
					   struct vb2_buffer *vb)
{
	struct dma_fence *fence = vb->release_fence;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, fence);
	for (i = 0; i < vb->num_planes; i++) {
		enum dma_resv_usage usage = DMA_RESV_USAGE_BOOKKEEP;
		struct dma_resv *resv = test_plane_resv(vb, i);
		struct dma_fence *published = NULL;

		KUNIT_ASSERT_FALSE(test, dma_resv_is_locked(resv));
		KUNIT_EXPECT_EQ(test,
				test_resv_fences(resv, &published, &usage), 1);
		KUNIT_EXPECT_PTR_EQ(test, published, fence);
		KUNIT_EXPECT_EQ(test, usage, DMA_RESV_USAGE_WRITE);
		usage = DMA_RESV_USAGE_WRITE;
		KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, usage));
	}
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 0);
	return test_fence_keep(test, fence);
}

static struct dma_fence *test_attach(struct kunit *test, struct vb2_buffer *vb)
{
	KUNIT_ASSERT_EQ(test, vb2_buffer_attach_release_fence(vb), 0);
	return test_expect_fence(test, vb);
}

/* Expect that the pending fence is the one after @before, and keep it. */
static struct dma_fence *test_expect_next(struct kunit *test,
					  struct vb2_buffer *vb,
					  struct dma_fence *before)
{
	struct dma_fence *fence = vb->release_fence;

	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, fence->context, before->context);
	KUNIT_EXPECT_EQ(test, fence->seqno, before->seqno + 1);
	return test_fence_keep(test, fence);
}

static struct dma_fence *test_attach_next(struct kunit *test,
					  struct vb2_buffer *vb,
					  struct dma_fence *before)
{
	test_attach(test, vb);
	return test_expect_next(test, vb, before);
}

static struct test_queue *test_queue_mmap(struct kunit *test,
					  const char *planes)
{
	return test_queue_new(test, &(struct queue_desc) {
		.planes = planes, .memory = VB2_MEMORY_MMAP,
	});
}

/* Give a buffer that was returned back to the driver. */
static void test_queue_requeue(struct kunit *test, struct test_queue *t,
			       unsigned int index)
{
	unsigned int dequeued;
	int ret;

	mutex_lock(&t->lock);
	ret = vb2_core_dqbuf(&t->q, &dequeued, NULL, true);
	mutex_unlock(&t->lock);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, dequeued, index);
	test_queue_qbuf(test, t, index);
}

/* Publishing: all planes or none */

static const struct queue_desc publish_params[] = {
	{ "0", VB2_MEMORY_MMAP },
	{ "01", VB2_MEMORY_MMAP },
	{ "012", VB2_MEMORY_MMAP },
	{ "0123", VB2_MEMORY_MMAP },
	{ "01234", VB2_MEMORY_MMAP },
	{ "012345", VB2_MEMORY_MMAP },
	{ "0123456", VB2_MEMORY_MMAP },
	{ "01234567", VB2_MEMORY_MMAP },
	{ "00", VB2_MEMORY_MMAP },
	{ "0022", VB2_MEMORY_MMAP },
	{ "0101", VB2_MEMORY_MMAP },
	{ "0110", VB2_MEMORY_MMAP },
	{ "01234560", VB2_MEMORY_MMAP },
	{ "00000000", VB2_MEMORY_MMAP },
	{ "0", VB2_MEMORY_DMABUF },
	{ "01", VB2_MEMORY_DMABUF },
	{ "012", VB2_MEMORY_DMABUF },
	{ "0123", VB2_MEMORY_DMABUF },
	{ "01234", VB2_MEMORY_DMABUF },
	{ "012345", VB2_MEMORY_DMABUF },
	{ "0123456", VB2_MEMORY_DMABUF },
	{ "01234567", VB2_MEMORY_DMABUF },
	{ "00", VB2_MEMORY_DMABUF },
	{ "0022", VB2_MEMORY_DMABUF },
	{ "0101", VB2_MEMORY_DMABUF },
	{ "0110", VB2_MEMORY_DMABUF },
	{ "01234560", VB2_MEMORY_DMABUF },
	{ "00000000", VB2_MEMORY_DMABUF },
	{ "00", VB2_MEMORY_DMABUF, .same_dbuf = true },
	{ "0110", VB2_MEMORY_DMABUF, .same_dbuf = true },
};

static void publish_desc(const struct queue_desc *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s%s %s",
		 p->same_dbuf ? "same " : "",
		 p->memory == VB2_MEMORY_MMAP ? "MMAP" : "DMABUF", p->planes);
}

KUNIT_ARRAY_PARAM(publish, publish_params, publish_desc);

static void publish(struct kunit *test)
{
	struct test_queue *t = test_queue_new(test, test->param_value);
	struct vb2_buffer *vb = test_buf(t, 0);
	unsigned int num_resvs = test_num_resvs(vb);
	struct dma_fence *fence;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vb->num_planes, strlen(t->desc.planes));
	test_expect_nothing(test, vb);

	fence = test_attach(test, vb);
	KUNIT_EXPECT_EQ(test, fence->seqno, 1);
	/* The buffer, this test and each object have a reference. */
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), num_resvs + 2);

	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
	KUNIT_EXPECT_NULL(test, vb->release_fence);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), num_resvs + 1);
	for (i = 0; i < vb->num_planes; i++) {
		struct dma_resv *resv = test_plane_resv(vb, i);
		enum dma_resv_usage usage = DMA_RESV_USAGE_BOOKKEEP;

		KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, usage));
	}
}

/* Other fences stay, and a full list of them grows. */
static void publish_beside_others(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "011");
	struct vb2_buffer *vb = test_buf(t, 0);
	struct dma_resv *resv;
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		resv = test_plane_resv(vb, i);
		dma_resv_lock(resv, NULL);
		for (j = 0; j < 9; j++) {
			struct dma_fence *other = test_fence_new(test);

			KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 1),
					0);
			dma_resv_add_fence(resv, other, DMA_RESV_USAGE_READ);
		}
		dma_resv_reset_max_fences(resv);
		dma_resv_unlock(resv);
	}

	KUNIT_ASSERT_EQ(test, vb2_buffer_attach_release_fence(vb), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, test_resv_fences(test_plane_resv(vb, i),
						       NULL, NULL), 10);
	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
}

/* Back-off */

struct contender {
	struct completion locked, done;
	struct task_struct *victim;
	struct vb2_buffer *vb;
	unsigned int plane;
	bool asleep, others_free, others_empty;
};

/*
 * Hold the object of one plane, with an older ticket, until the victim waits
 * for it. It must not hold any of the others then.
 */
static int contender_hold(void *data)
{
	struct contender *c = data;
	struct dma_resv *resv = test_plane_resv(c->vb, c->plane);
	struct ww_acquire_ctx ctx;
	unsigned int i, tries;

	ww_acquire_init(&ctx, &reservation_ww_class);
	dma_resv_lock(resv, &ctx);
	complete(&c->locked);

	for (tries = 0; tries < 5 * HZ && !c->asleep; tries++) {
		schedule_timeout_uninterruptible(1);
		c->asleep = READ_ONCE(c->victim->__state) &
			    TASK_UNINTERRUPTIBLE;
	}

	c->others_free = true;
	c->others_empty = true;
	for (i = 0; i < c->vb->num_planes; i++) {
		struct dma_resv *other = test_plane_resv(c->vb, i);

		if (i == c->plane)
			continue;
		if (!dma_resv_trylock(other)) {
			c->others_free = false;
			continue;
		}
		dma_resv_unlock(other);
		if (!dma_resv_test_signaled(other, DMA_RESV_USAGE_BOOKKEEP))
			c->others_empty = false;
	}

	dma_resv_unlock(resv);
	ww_acquire_fini(&ctx);
	kthread_complete_and_exit(&c->done, 0);
}

static const struct back_off_param {
	const char *name;
	unsigned int plane;
} back_off_params[] = {
	{ "plane 0", 0 }, { "plane 1", 1 }, { "plane 2", 2 }, { "plane 3", 3 },
};

KUNIT_ARRAY_PARAM_DESC(back_off, back_off_params, name);

static void back_off(struct kunit *test)
{
	const struct back_off_param *p = test->param_value;
	struct test_queue *t = test_queue_mmap(test, "0123");
	struct contender c = {
		.victim = current, .vb = test_buf(t, 0), .plane = p->plane,
	};
	struct task_struct *task;
	int ret;

	init_completion(&c.locked);
	init_completion(&c.done);
	task = kthread_run(contender_hold, &c, "contender");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);

	wait_for_completion(&c.locked);
	ret = vb2_buffer_attach_release_fence(c.vb);
	wait_for_completion(&c.done);

	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, c.asleep);
	KUNIT_EXPECT_TRUE(test, c.others_free);
	KUNIT_EXPECT_TRUE(test, c.others_empty);
	test_expect_fence(test, c.vb);
}

/* Lock all planes, in the opposite order, again and again. */
static int contender_loop(void *data)
{
	struct contender *c = data;
	unsigned int num = c->vb->num_planes;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		struct dma_resv *slow = NULL;
		struct ww_acquire_ctx ctx;
		unsigned int locked = 0;

		ww_acquire_init(&ctx, &reservation_ww_class);
		while (locked < num) {
			struct dma_resv *resv;

			resv = test_plane_resv(c->vb, num - 1 - locked);
			if (resv == slow || !dma_resv_lock(resv, &ctx)) {
				if (resv == slow)
					slow = NULL;
				locked++;
				continue;
			}

			while (locked--) {
				unsigned int i = num - 1 - locked;

				dma_resv_unlock(test_plane_resv(c->vb, i));
			}
			if (slow)
				dma_resv_unlock(slow);
			dma_resv_lock_slow(resv, &ctx);
			slow = resv;
			locked = 0;
		}
		while (locked--)
			dma_resv_unlock(test_plane_resv(c->vb,
							num - 1 - locked));
		ww_acquire_fini(&ctx);
		cond_resched();
	}
	kthread_complete_and_exit(&c->done, 0);
}

/* Return a buffer, and make it one that the driver owns again. */
static void test_done_and_again(struct vb2_buffer *vb)
{
	struct vb2_queue *q = vb->vb2_queue;

	vb2_buffer_done(vb, VB2_BUF_STATE_QUEUED);
	vb->state = VB2_BUF_STATE_ACTIVE;
	atomic_inc(&q->owned_by_drv_count);
}

static void back_off_loop(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "01234567");
	struct contender c = { .vb = test_buf(t, 0) };
	unsigned int round, failed = 0, active = 0;
	struct task_struct *task;

	init_completion(&c.done);
	task = kthread_run(contender_loop, &c, "contender");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);

	for (round = 0; round < ROUNDS; round++) {
		failed += !!vb2_buffer_attach_release_fence(c.vb);
		active += !dma_resv_test_signaled(test_plane_resv(c.vb, 7),
						  DMA_RESV_USAGE_WRITE);
		test_done_and_again(c.vb);
	}
	wait_for_completion(&c.done);

	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_EQ(test, active, ROUNDS);
	KUNIT_EXPECT_EQ(test, test_attach(test, c.vb)->seqno, ROUNDS + 1);
}

/* Allocation failures */

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

/*
 * A setting of failslab. It spares GFP_KERNEL by default, and only debugfs
 * can change that.
 */
static void *test_failslab(const char *name)
{
	struct dentry *dir = debugfs_lookup("failslab", NULL);
	struct dentry *file = debugfs_lookup(name, dir);
	void *setting = file ? d_inode(file)->i_private : NULL;

	dput(file);
	dput(dir);
	return setting;
}

/* Attach with the nth allocation failing, and tell whether there was one. */
static int test_attach_fail_nth(struct vb2_buffer *vb, unsigned int nth,
				bool *failed)
{
	unsigned long *verbose = test_failslab("verbose");
	bool *spares = test_failslab("ignore-gfp-wait");
	unsigned long was_verbose = *verbose;
	bool did_spare = *spares;
	int ret;

	*verbose = 0;
	*spares = false;
	current->fail_nth = nth;
	ret = vb2_buffer_attach_release_fence(vb);
	*failed = !current->fail_nth;
	current->fail_nth = 0;
	*spares = did_spare;
	*verbose = was_verbose;
	return ret;
}

#else

static void *test_failslab(const char *name)
{
	return NULL;
}

static int test_attach_fail_nth(struct vb2_buffer *vb, unsigned int nth,
				bool *failed)
{
	*failed = false;
	return 0;
}

#endif

static const struct no_memory_param {
	const char *planes;
	unsigned int others;
	const char *name;
} no_memory_params[] = {
	{ "0", 0, "one plane" },
	{ "0", 5, "one plane, full" },
	{ "01234567", 0, "eight planes" },
	{ "01234567", 3, "eight planes, full" },
	{ "0022", 3, "shared planes, full" },
};

KUNIT_ARRAY_PARAM_DESC(no_memory, no_memory_params, name);

/* Make every reservation object one that has to allocate for a fence. */
static void test_fill_resvs(struct kunit *test, struct vb2_buffer *vb,
			    struct dma_fence **others, unsigned int num)
{
	unsigned int i, j;

	for (i = 0; i < vb->num_planes; i++) {
		struct dma_resv *resv = test_plane_resv(vb, i);

		if (!test_plane_is_first(vb, i))
			continue;
		dma_resv_fini(resv);
		dma_resv_init(resv);
		dma_resv_lock(resv, NULL);
		for (j = 0; j < num; j++) {
			KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 1),
					0);
			dma_resv_add_fence(resv, others[j],
					   DMA_RESV_USAGE_READ);
		}
		dma_resv_reset_max_fences(resv);
		dma_resv_unlock(resv);
	}
}

/* After a failure: nothing has happened. Returns how many have a place. */
static unsigned int test_expect_no_memory(struct kunit *test,
					  struct vb2_buffer *vb,
					  unsigned int num_others,
					  struct dma_resv_list **lists)
{
	unsigned int i, reserved = 0;

	KUNIT_EXPECT_NULL(test, vb->release_fence);
	KUNIT_EXPECT_EQ(test, vb->state, VB2_BUF_STATE_ACTIVE);
	for (i = 0; i < vb->num_planes; i++) {
		struct dma_resv *resv = test_plane_resv(vb, i);

		KUNIT_ASSERT_FALSE(test, dma_resv_is_locked(resv));
		KUNIT_EXPECT_EQ(test, test_resv_fences(resv, NULL, NULL),
				num_others);
		reserved += test_plane_is_first(vb, i) &&
			    rcu_access_pointer(resv->fences) != lists[i];
	}
	return reserved;
}

static void no_memory(struct kunit *test)
{
	const struct no_memory_param *p = test->param_value;
	struct dma_resv_list *lists[VB2_MAX_PLANES];
	unsigned int i, nth, sweep;
	struct dma_fence *others[8];
	unsigned long all, seen = 0;
	struct dma_fence *before;
	struct test_queue *t;
	struct vb2_buffer *vb;
	bool failed;

	if (!test_failslab("ignore-gfp-wait") || !test_failslab("verbose"))
		kunit_skip(test, "needs FAILSLAB and FAULT_INJECTION_DEBUG_FS");
	/* Only then dma_resv_reset_max_fences() does something. */
	if (p->others && !IS_ENABLED(CONFIG_DEBUG_MUTEXES))
		kunit_skip(test, "needs DEBUG_MUTEXES");

	t = test_queue_mmap(test, p->planes);
	vb = test_buf(t, 0);
	for (i = 0; i < p->others; i++)
		others[i] = test_fence_new(test);

	before = test_attach(test, vb);
	test_done_and_again(vb);

	/*
	 * The fence is allocated, and then a place for it in each object. Now
	 * and then, debugging code allocates something that it can do without,
	 * and takes the turn of one of these: go over it again then.
	 */
	all = GENMASK(test_num_resvs(vb), 0);
	for (sweep = 0; sweep < 10 && seen != all; sweep++) {
		failed = true;
		for (nth = 1; failed; nth++) {
			int ret;

			test_fill_resvs(test, vb, others, p->others);
			for (i = 0; i < vb->num_planes; i++) {
				struct dma_resv *resv = test_plane_resv(vb, i);

				lists[i] = rcu_access_pointer(resv->fences);
			}

			ret = test_attach_fail_nth(vb, nth, &failed);
			if (!ret) {
				/* No failure has left a gap in the timeline. */
				before = test_expect_next(test, vb, before);
				test_done_and_again(vb);
				continue;
			}

			KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
			i = test_expect_no_memory(test, vb, p->others, lists);
			seen |= nth == 1 ? BIT(0) : BIT(i + 1);
		}
	}
	KUNIT_EXPECT_EQ(test, seen, all);

	test_fill_resvs(test, vb, others, p->others);
	KUNIT_ASSERT_EQ(test, vb2_buffer_attach_release_fence(vb), 0);
	for (i = 0; i < vb->num_planes; i++)
		KUNIT_EXPECT_EQ(test, test_resv_fences(test_plane_resv(vb, i),
						       NULL, NULL),
				p->others + 1);
	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
}

/* Results */

static const struct result_param {
	const char *name;
	enum vb2_buffer_state state;
	int error;
	int status;
	enum vb2_buffer_state end_state;
	unsigned int warnings;
} result_params[] = {
	{ "done", VB2_BUF_STATE_DONE, 0, 1, VB2_BUF_STATE_DONE },
	{ "error", VB2_BUF_STATE_ERROR, 0, -EIO, VB2_BUF_STATE_ERROR },
	{ "queued", VB2_BUF_STATE_QUEUED, 0, -ECANCELED, VB2_BUF_STATE_QUEUED },
	{ "bogus", VB2_BUF_STATE_PREPARING, 0, -EIO, VB2_BUF_STATE_ERROR, 1 },
	{ "done, timeout", VB2_BUF_STATE_DONE, -ETIMEDOUT, -ETIMEDOUT,
	  VB2_BUF_STATE_DONE },
	{ "error, timeout", VB2_BUF_STATE_ERROR, -ETIMEDOUT, -ETIMEDOUT,
	  VB2_BUF_STATE_ERROR },
	{ "queued, timeout", VB2_BUF_STATE_QUEUED, -ETIMEDOUT, -ETIMEDOUT,
	  VB2_BUF_STATE_QUEUED },
	{ "error, last error number", VB2_BUF_STATE_ERROR, -MAX_ERRNO,
	  -MAX_ERRNO, VB2_BUF_STATE_ERROR },
};

KUNIT_ARRAY_PARAM_DESC(result, result_params, name);

static void result(struct kunit *test)
{
	const struct result_param *p = test->param_value;
	struct test_queue *t = test_queue_mmap(test, "01");
	struct vb2_buffer *vb = test_buf(t, 0);
	struct dma_fence *fence = test_attach(test, vb);

	kunit_warning_suppress(test) {
		if (p->error)
			vb2_buffer_set_release_fence_error(vb, p->error);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 0);
		vb2_buffer_done(vb, p->state);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, p->warnings);
	}
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), p->status);
	KUNIT_EXPECT_EQ(test, vb->state, p->end_state);
	KUNIT_EXPECT_NULL(test, vb->release_fence);
}

static void invalid_error(struct kunit *test)
{
	static const int errors[] = {
		0, 1, ETIMEDOUT, -MAX_ERRNO - 1, INT_MIN
	};
	struct test_queue *t = test_queue_mmap(test, "0");
	struct vb2_buffer *vb = test_buf(t, 0);
	struct dma_fence *fence = test_attach(test, vb);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++)
		kunit_warning_suppress(test) {
			vb2_buffer_set_release_fence_error(vb, errors[i]);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
		}
	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
}

/* An error that comes without a fence does not stick to the next one. */
static void error_without_fence(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "0");
	struct vb2_buffer *vb = test_buf(t, 0);
	struct dma_fence *fence;

	test_expect_silence(test, vb);
	fence = test_attach(test, vb);
	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
}

/* The queue is cancelled while fences are pending. */

static const struct cancel_param {
	const char *name;
	enum vb2_buffer_state state;
	int error;
	int status;
	bool reverse;
	bool forget;
} cancel_params[] = {
	{ "error", VB2_BUF_STATE_ERROR, 0, -ECANCELED },
	{ "error, reverse order", VB2_BUF_STATE_ERROR, 0, -ECANCELED,
	  .reverse = true },
	{ "queued", VB2_BUF_STATE_QUEUED, 0, -ECANCELED },
	{ "done", VB2_BUF_STATE_DONE, 0, 1 },
	{ "done, reverse order", VB2_BUF_STATE_DONE, 0, 1, .reverse = true },
	{ "timeout", VB2_BUF_STATE_ERROR, -ETIMEDOUT, -ETIMEDOUT },
	{ "forgotten", VB2_BUF_STATE_ERROR, 0, -ECANCELED, .forget = true },
};

KUNIT_ARRAY_PARAM_DESC(cancel, cancel_params, name);

static void cancel(struct kunit *test)
{
	const struct cancel_param *p = test->param_value;
	struct test_queue *t = test_queue_mmap(test, "01");
	struct dma_fence *fences[NUM_BUFS], *fence;
	unsigned int i;

	t->stop_state = p->state;
	t->stop_error = p->error;
	t->stop_reverse = p->reverse;
	t->stop_forget = p->forget;

	for (i = 0; i < NUM_BUFS; i++)
		fences[i] = test_attach(test, test_buf(t, i));
	kunit_warning_suppress(test) {
		test_queue_streamoff(t);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, p->forget);
	}
	t->stop_forget = false;
	for (i = 0; i < NUM_BUFS; i++)
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[i]),
				p->status);

	/* The timeline goes on, and a failure is a failure again. */
	test_queue_start(test, t);
	fence = test_attach(test, test_buf(t, 0));
	KUNIT_EXPECT_EQ(test, fence->context, fences[0]->context);
	KUNIT_EXPECT_EQ(test, fence->seqno, NUM_BUFS + 1);
	vb2_buffer_done(test_buf(t, 0), VB2_BUF_STATE_ERROR);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -EIO);
}

/* Order within vb2_buffer_done() */

struct observer {
	struct dma_fence_cb cb;
	struct vb2_buffer *vb;
	bool called, irqs_off;
	enum vb2_buffer_state state;
	bool dequeuable;
	unsigned int finished;
};

static void observer_cb(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct observer *o = container_of(cb, struct observer, cb);
	struct vb2_queue *q = o->vb->vb2_queue;

	o->called = true;
	o->irqs_off = irqs_disabled();
	o->state = o->vb->state;
	o->dequeuable = !list_empty(&q->done_list);
	o->finished = to_test_queue(q)->finished_before;
}

static const struct order_param {
	const char *name;
	enum vb2_buffer_state state;
	unsigned int finished;
} order_params[] = {
	{ "done", VB2_BUF_STATE_DONE, 3 },
	{ "error", VB2_BUF_STATE_ERROR, 3 },
	{ "queued", VB2_BUF_STATE_QUEUED, 0 },
};

KUNIT_ARRAY_PARAM_DESC(order, order_params, name);

/* The memory is finished, the fence signals, the buffer is dequeuable. */
static void order(struct kunit *test)
{
	const struct order_param *p = test->param_value;
	struct test_queue *t = test_queue_mmap(test, "012");
	struct observer o = { .vb = test_buf(t, 0) };

	t->watched = test_attach(test, o.vb);
	KUNIT_ASSERT_EQ(test, dma_fence_add_callback(t->watched, &o.cb,
						     observer_cb), 0);
	vb2_buffer_done(o.vb, p->state);

	KUNIT_EXPECT_TRUE(test, o.called);
	KUNIT_EXPECT_EQ(test, o.finished, p->finished);
	KUNIT_EXPECT_EQ(test, t->finished_before, p->finished);
	KUNIT_EXPECT_EQ(test, t->finished_after, 0);
	KUNIT_EXPECT_EQ(test, o.state, VB2_BUF_STATE_ACTIVE);
	KUNIT_EXPECT_FALSE(test, o.dequeuable);
	KUNIT_EXPECT_EQ(test, o.vb->state, p->state);
}

/* The timeline */

static void timeline(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "01");
	struct dma_fence *fences[3 * NUM_BUFS];
	unsigned int i;

	/* One, two and then three at a time */
	fences[0] = test_attach(test, test_buf(t, 0));
	for (i = 1; i < ARRAY_SIZE(fences); i++) {
		fences[i] = test_attach_next(test, test_buf(t, i % NUM_BUFS),
					     fences[i - 1]);
		if (i < 3)
			continue;

		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[i - 3]), 0);
		vb2_buffer_done(test_buf(t, (i - 3) % NUM_BUFS),
				VB2_BUF_STATE_DONE);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[i - 3]), 1);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[i - 2]), 0);
		test_queue_requeue(test, t, (i - 3) % NUM_BUFS);
	}
}

/* A fence is later than another by more than 32 bits of sequence number. */
static void timeline_64bit(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "0");
	struct dma_fence *first, *last;

	first = test_attach(test, test_buf(t, 0));
	vb2_buffer_done(test_buf(t, 0), VB2_BUF_STATE_DONE);

	t->q.release_fence_seqno += U32_MAX;
	last = test_attach(test, test_buf(t, 1));
	KUNIT_EXPECT_EQ(test, last->seqno, first->seqno + BIT_ULL(32));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_later(last, first));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_later(first, last));
	vb2_buffer_done(test_buf(t, 1), VB2_BUF_STATE_DONE);
}

/* One dma-buf in two buffers: the later fence stands for both. */
static void timeline_same_dbuf(struct kunit *test)
{
	struct test_queue *t = test_queue_new(test, &(struct queue_desc) {
		.planes = "01", .memory = VB2_MEMORY_DMABUF,
	});
	struct vb2_buffer *first = test_buf(t, 0), *second = test_buf(t, 1);
	struct dma_resv *resv = test_plane_resv(first, 0);
	struct dma_fence *fence;

	KUNIT_ASSERT_PTR_EQ(test, resv, test_plane_resv(second, 0));
	fence = test_attach(test, first);
	test_attach_next(test, second, fence);

	vb2_buffer_done(first, VB2_BUF_STATE_DONE);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
	KUNIT_EXPECT_FALSE(test,
			   dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	vb2_buffer_done(second, VB2_BUF_STATE_DONE);
	KUNIT_EXPECT_TRUE(test,
			  dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
}

/* Two queues and, after its release, one queue */
static void timeline_per_queue(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "0");
	struct test_queue *other = test_queue_mmap(test, "0");
	struct dma_fence *fence, *others;

	fence = test_attach(test, test_buf(t, 0));
	others = test_attach(test, test_buf(other, 0));
	KUNIT_EXPECT_NE(test, fence->context, others->context);
	KUNIT_EXPECT_EQ(test, others->seqno, 1);

	mutex_lock(&t->lock);
	vb2_core_queue_release(&t->q);
	mutex_unlock(&t->lock);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -ECANCELED);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(others), 0);

	test_queue_start(test, t);
	test_attach_next(test, test_buf(t, 1), fence);
	vb2_buffer_done(test_buf(t, 1), VB2_BUF_STATE_DONE);
}

static void out_of_order(struct kunit *test)
{
	static bool warned;
	struct test_queue *t = test_queue_mmap(test, "0");
	struct dma_fence *old[3], *fresh, *fresher;
	unsigned int i;

	old[0] = test_attach(test, test_buf(t, 0));
	old[1] = test_attach_next(test, test_buf(t, 1), old[0]);
	old[2] = test_attach_next(test, test_buf(t, 2), old[1]);

	kunit_warning_suppress(test) {
		vb2_buffer_done(test_buf(t, 1), VB2_BUF_STATE_DONE);
		/* Once in this boot, and a module does not know of others. */
		if (IS_MODULE(CONFIG_VIDEOBUF2_RELEASE_FENCES_KUNIT_TEST))
			KUNIT_EXPECT_LE(test, KUNIT_SUPPRESSED_WARNING_COUNT(),
					1);
		else
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, !warned);
	}
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(old[0]), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(old[1]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(old[2]), 0);

	/* Nobody takes the next fence for a later one of the same kind. */
	fresh = test_attach(test, test_buf(t, 3));
	KUNIT_EXPECT_NE(test, fresh->context, old[0]->context);

	/* The others signal, in any order, and say nothing. */
	kunit_warning_suppress(test) {
		vb2_buffer_done(test_buf(t, 2), VB2_BUF_STATE_DONE);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(old[2]), 1);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fresh), 0);
		vb2_buffer_done(test_buf(t, 3), VB2_BUF_STATE_DONE);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fresh), 1);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(old[0]), 0);
		vb2_buffer_done(test_buf(t, 0), VB2_BUF_STATE_ERROR);
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(old[0]), -EIO);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}

	/* The fresh timeline is as strict as the first, without words. */
	test_queue_streamoff(t);
	test_queue_start(test, t);
	old[0] = test_attach_next(test, test_buf(t, 0), fresh);
	old[1] = test_attach_next(test, test_buf(t, 1), old[0]);
	kunit_warning_suppress(test) {
		vb2_buffer_done(test_buf(t, 1), VB2_BUF_STATE_DONE);
		/* Where WARN is a trap, suppressing does not use up the one. */
		if (!IS_ENABLED(CONFIG_GENERIC_BUG))
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	fresher = test_attach(test, test_buf(t, 2));
	KUNIT_EXPECT_NE(test, fresher->context, fresh->context);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NE(test, fresher->context, old[i]->context);

	warned = !IS_ENABLED(CONFIG_GENERIC_BUG);
}

static void test_expect_names(struct kunit *test, struct dma_fence *fence,
			      const char *driver, const char *timeline)
{
	char names[2][64];
	const char __rcu *name;

	rcu_read_lock();
	name = dma_fence_driver_name(fence);
	strscpy(names[0], rcu_dereference(name));
	name = dma_fence_timeline_name(fence);
	strscpy(names[1], rcu_dereference(name));
	rcu_read_unlock();

	KUNIT_EXPECT_STREQ(test, names[0], driver);
	KUNIT_EXPECT_STREQ(test, names[1], timeline);
}

/* A fence outlives everything. */
static void outlive(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "01");
	struct vb2_buffer *vb = test_buf(t, 0);
	struct dma_fence *other = test_fence_new(test);
	struct dma_fence *fence, *merged, *again;
	struct device *dev = t->q.dev;
	char device[32], name[32] = {};

	strscpy(device, dev_name(dev), sizeof(device));
	KUNIT_ASSERT_GT(test, strlen(dev_name(dev)), strlen(device));
	memset(name, 'q', sizeof(name) - 1);
	strscpy(t->q.name, name);
	fence = test_attach(test, vb);
	memset(t->q.name, 'x', sizeof(t->q.name) - 1);

	test_expect_names(test, fence, device, name);

	merged = dma_fence_unwrap_merge(fence, other);
	KUNIT_ASSERT_NOT_NULL(test, merged);
	KUNIT_EXPECT_EQ(test, kunit_add_action_or_reset(test, test_fence_put,
							merged), 0);
	dma_fence_enable_signaling(merged);

	kunit_release_action(test, test_queue_free, t);
	kunit_device_unregister(test, dev);

	/* Only this test and the array are left. */
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -ECANCELED);
	KUNIT_EXPECT_TRUE(test, test_bit(DMA_FENCE_FLAG_TIMESTAMP_BIT,
					 &fence->flags));
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(fence->ops));
	test_expect_names(test, fence, "detached-driver", "signaled-timeline");

	/* It can still be merged: nothing but the other one is left of it. */
	again = dma_fence_unwrap_merge(other, fence);
	KUNIT_EXPECT_PTR_EQ(test, again, other);
	dma_fence_put(again);

	KUNIT_EXPECT_EQ(test, dma_fence_get_status(merged), 0);
	dma_fence_signal(other);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(merged, false, 5 * HZ), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(merged), -ECANCELED);
}

/* Refusals */

static void refuse_output(struct kunit *test)
{
	struct test_queue *t = test_queue_new(test, &(struct queue_desc) {
		.planes = "0", .memory = VB2_MEMORY_MMAP,
		.is_output = true, .no_fences = true,
	});
	struct vb2_buffer *vb = test_buf(t, 0);

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, vb2_buffer_attach_release_fence(vb),
				-EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	test_expect_nothing(test, vb);
}

static const struct refuse_state_param {
	const char *name;
	enum vb2_buffer_state state;
} refuse_state_params[] = {
	{ "dequeued", VB2_BUF_STATE_DEQUEUED },
	{ "in request", VB2_BUF_STATE_IN_REQUEST },
	{ "preparing", VB2_BUF_STATE_PREPARING },
	{ "queued", VB2_BUF_STATE_QUEUED },
	{ "done", VB2_BUF_STATE_DONE },
	{ "error", VB2_BUF_STATE_ERROR },
};

KUNIT_ARRAY_PARAM_DESC(refuse_state, refuse_state_params, name);

static void refuse_state(struct kunit *test)
{
	const struct refuse_state_param *p = test->param_value;
	struct test_queue *t = test_queue_mmap(test, "01");
	struct vb2_buffer *vb = test_buf(t, 0);

	vb->state = p->state;
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, vb2_buffer_attach_release_fence(vb),
				-EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	vb->state = VB2_BUF_STATE_ACTIVE;

	KUNIT_EXPECT_NULL(test, vb->release_fence);
	test_expect_nothing(test, vb);
	KUNIT_EXPECT_EQ(test, test_attach(test, vb)->seqno, 1);
}

static void refuse_second(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "01");
	struct vb2_buffer *vb = test_buf(t, 0);
	struct dma_fence *fence = test_attach(test, vb);

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, vb2_buffer_attach_release_fence(vb),
				-EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_PTR_EQ(test, vb->release_fence, fence);
	KUNIT_EXPECT_PTR_EQ(test, test_expect_fence(test, vb), fence);
	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
	test_attach_next(test, test_buf(t, 1), fence);
}

/* A job that ended without returning its buffer */
static void check(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "01");
	struct vb2_buffer *vb = test_buf(t, 0);
	struct dma_fence *fence;

	kunit_warning_suppress(test) {
		vb2_buffer_check_release_fence(vb);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}

	fence = test_attach(test, vb);
	kunit_warning_suppress(test) {
		vb2_buffer_check_release_fence(vb);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -EIO);
	KUNIT_EXPECT_NULL(test, vb->release_fence);

	/* Once is enough. */
	test_expect_silence(test, vb);
	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -EIO);
}

/* Contexts that complete a job */

static void done_locked(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct test_queue *t = test_queue_mmap(test, "01");
	struct observer o = { .vb = test_buf(t, 0) };
	struct dma_fence *fence = test_attach(test, o.vb);
	unsigned long flags;

	KUNIT_ASSERT_EQ(test,
			dma_fence_add_callback(fence, &o.cb, observer_cb), 0);
	spin_lock_irqsave(&lock, flags);
	vb2_buffer_done(o.vb, VB2_BUF_STATE_DONE);
	spin_unlock_irqrestore(&lock, flags);
	KUNIT_EXPECT_TRUE(test, o.called);
	KUNIT_EXPECT_TRUE(test, o.irqs_off);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
}

struct interrupt {
	struct hrtimer timer;
	struct vb2_buffer *vb;
	bool hardirq;
};

static enum hrtimer_restart interrupt_handler(struct hrtimer *timer)
{
	struct interrupt *irq = container_of(timer, struct interrupt, timer);

	irq->hardirq = in_hardirq();
	vb2_buffer_done(irq->vb, VB2_BUF_STATE_DONE);
	return HRTIMER_NORESTART;
}

static void done_in_hardirq(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "01");
	struct interrupt irq = { .vb = test_buf(t, 0) };
	struct dma_fence *fence = test_attach(test, irq.vb);
	long left;

	hrtimer_setup_on_stack(&irq.timer, interrupt_handler, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL_HARD);
	hrtimer_start(&irq.timer, ms_to_ktime(5), HRTIMER_MODE_REL_HARD);
	left = dma_fence_wait_timeout(fence, false, 5 * HZ);
	hrtimer_cancel(&irq.timer);
	destroy_hrtimer_on_stack(&irq.timer);

	KUNIT_EXPECT_GT(test, left, 0);
	KUNIT_EXPECT_TRUE(test, irq.hardirq);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
}

/* Several buffers of one queue at the same time */

struct worker {
	struct completion done;
	struct vb2_buffer *vb;
	unsigned int failed, not_active, not_signalled, not_rising;
};

static int worker_loop(void *data)
{
	struct worker *w = data;
	u64 seqno = 0;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		struct dma_fence *fence;
		unsigned long flags;

		if (vb2_buffer_attach_release_fence(w->vb)) {
			w->failed++;
			continue;
		}
		fence = dma_fence_get(w->vb->release_fence);
		w->not_active += dma_fence_get_status(fence) != 0;
		w->not_rising += fence->seqno <= seqno;
		seqno = fence->seqno;

		local_irq_save(flags);
		test_done_and_again(w->vb);
		local_irq_restore(flags);
		w->not_signalled += dma_fence_get_status(fence) != -ECANCELED;
		dma_fence_put(fence);
		cond_resched();
	}
	kthread_complete_and_exit(&w->done, 0);
}

static void concurrency(struct kunit *test)
{
	struct test_queue *t = test_queue_mmap(test, "0101");
	struct worker workers[NUM_BUFS] = {};
	struct dma_fence *fence;
	unsigned int i, started;

	/* They complete in any order, which only cancelling may do. */
	vb2_release_fence_cancel(&t->q, true);
	for (started = 0; started < NUM_BUFS; started++) {
		struct worker *w = &workers[started];

		w->vb = test_buf(t, started);
		init_completion(&w->done);
		if (IS_ERR(kthread_run(worker_loop, w, "worker/%u", started)))
			break;
	}
	for (i = 0; i < started; i++)
		wait_for_completion(&workers[i].done);
	vb2_release_fence_cancel(&t->q, false);

	KUNIT_ASSERT_EQ(test, started, NUM_BUFS);
	for (i = 0; i < NUM_BUFS; i++) {
		KUNIT_EXPECT_EQ(test, workers[i].failed, 0);
		KUNIT_EXPECT_EQ(test, workers[i].not_active, 0);
		KUNIT_EXPECT_EQ(test, workers[i].not_signalled, 0);
		KUNIT_EXPECT_EQ(test, workers[i].not_rising, 0);
	}

	/* None was counted twice or not at all: the order is still known. */
	fence = test_attach(test, test_buf(t, 0));
	KUNIT_EXPECT_EQ(test, fence->seqno, NUM_BUFS * ROUNDS + 1);
	test_attach_next(test, test_buf(t, 1), fence);
	kunit_warning_suppress(test) {
		vb2_buffer_done(test_buf(t, 0), VB2_BUF_STATE_DONE);
		vb2_buffer_done(test_buf(t, 1), VB2_BUF_STATE_DONE);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_EQ(test, test_attach(test, test_buf(t, 2))->context,
			fence->context);
}

#else /* !CONFIG_VIDEOBUF2_RELEASE_FENCES */

static void disabled(struct kunit *test)
{
	test_expect_no_part(test, &(struct queue_desc) {
		.planes = "012", .memory = VB2_MEMORY_MMAP,
	});
}

static void disabled_imported(struct kunit *test)
{
	test_expect_no_part(test, &(struct queue_desc) {
		.planes = "010", .memory = VB2_MEMORY_DMABUF,
	});
}

static void disabled_output(struct kunit *test)
{
	test_expect_no_part(test, &(struct queue_desc) {
		.planes = "01", .memory = VB2_MEMORY_MMAP, .is_output = true,
	});
}

#endif /* CONFIG_VIDEOBUF2_RELEASE_FENCES */

static struct kunit_case release_fence_cases[] = {
	KUNIT_CASE(not_opted_in),
	KUNIT_CASE(not_opted_in_imported),
	KUNIT_CASE(userptr),
	KUNIT_CASE(capability),
	KUNIT_CASE(plane_resv),
	KUNIT_CASE_PARAM(queue_init, queue_init_gen_params),
#if IS_REACHABLE(CONFIG_V4L2_MEM2MEM_DEV)
	KUNIT_CASE_PARAM(m2m, m2m_gen_params),
#endif
#ifdef CONFIG_VIDEOBUF2_RELEASE_FENCES
	KUNIT_CASE_PARAM(publish, publish_gen_params),
	KUNIT_CASE(publish_beside_others),
	KUNIT_CASE_PARAM(back_off, back_off_gen_params),
	KUNIT_CASE(back_off_loop),
	KUNIT_CASE_PARAM(no_memory, no_memory_gen_params),
	KUNIT_CASE_PARAM(result, result_gen_params),
	KUNIT_CASE(invalid_error),
	KUNIT_CASE(error_without_fence),
	KUNIT_CASE_PARAM(cancel, cancel_gen_params),
	KUNIT_CASE_PARAM(order, order_gen_params),
	KUNIT_CASE(timeline),
	KUNIT_CASE(timeline_64bit),
	KUNIT_CASE(timeline_same_dbuf),
	KUNIT_CASE(timeline_per_queue),
	KUNIT_CASE(out_of_order),
	KUNIT_CASE(outlive),
	KUNIT_CASE(refuse_output),
	KUNIT_CASE_PARAM(refuse_state, refuse_state_gen_params),
	KUNIT_CASE(refuse_second),
	KUNIT_CASE(check),
	KUNIT_CASE(done_locked),
	KUNIT_CASE(done_in_hardirq),
	KUNIT_CASE(concurrency),
#else
	KUNIT_CASE(disabled),
	KUNIT_CASE(disabled_imported),
	KUNIT_CASE(disabled_output),
#endif
	{}
};

/* A test that makes lockdep give up has failed. */

static int release_fence_test_init(struct kunit *test)
{
	struct test_context *context;

	context = kunit_kzalloc(test, sizeof(*context), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, context);
	context->dev = kunit_device_register(test, DEVICE_NAME);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, context->dev);
	context->debug_locks = debug_locks;
	test->priv = context;
	return 0;
}

static void release_fence_test_exit(struct kunit *test)
{
	struct test_context *context = test->priv;

	if (context)
		KUNIT_EXPECT_EQ(test, debug_locks, context->debug_locks);
}

static struct kunit_suite release_fence_suite = {
	.name = "vb2_release_fence",
	.init = release_fence_test_init,
	.exit = release_fence_test_exit,
	.test_cases = release_fence_cases,
};

kunit_test_suite(release_fence_suite);

MODULE_DESCRIPTION("KUnit tests for videobuf2 release fences");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
