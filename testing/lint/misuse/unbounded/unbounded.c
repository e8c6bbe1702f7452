// SPDX-License-Identifier: GPL-2.0
/* There is no schedule_delayed_work() in this driver. */

static int queue_init(void *priv, struct vb2_queue *src_vq, struct vb2_queue *dst_vq)
{
	dst_vq->supports_release_fences = true;

	return vb2_queue_init(dst_vq);
}

static void device_run(void *priv)
{
	struct foo_ctx *ctx = priv;

	if (v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx)) {	/* found: no timeout */
		foo_job_finish(ctx, VB2_BUF_STATE_ERROR);
		return;
	}
	foo_start(ctx);
}
