// SPDX-License-Identifier: GPL-2.0
/* v4l2_m2m_attach_release_fence() is in this comment only. */

static int queue_init(void *priv, struct vb2_queue *src_vq, struct vb2_queue *dst_vq)
{
	dst_vq->supports_release_fences = true;		/* found: never attaches */

	return vb2_queue_init(dst_vq);
}

static void device_run(void *priv)
{
	struct foo_ctx *ctx = priv;

	queue_delayed_work(ctx->wq, &ctx->watchdog, HZ);
	foo_start(ctx);
}
