// SPDX-License-Identifier: GPL-2.0

static void statement(struct foo_ctx *ctx)
{
	v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);		/* found: not checked */
	foo_start(ctx);
}

static void cast(struct foo_ctx *ctx, struct vb2_buffer *vb)
{
	(void)vb2_buffer_attach_release_fence(vb);		/* found: not checked */
	foo_start(ctx);
}

static void unused(struct foo_ctx *ctx)
{
	int ret = v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);	/* found: not checked */

	mod_timer(&ctx->timer, jiffies + HZ);
	foo_start(ctx);
}

static int overwritten(struct foo_ctx *ctx)
{
	int ret;

	ret = v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);	/* found: not checked */
	ret = foo_start(ctx);

	return ret;
}
