// SPDX-License-Identifier: GPL-2.0

static void allocates(struct foo_ctx *ctx)
{
	if (v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx)) {
		foo_job_finish(ctx, VB2_BUF_STATE_ERROR);
		return;
	}
	ctx->table = kmalloc(PAGE_SIZE, GFP_KERNEL);		/* found: waits */
	mod_timer(&ctx->timer, jiffies + HZ);
	foo_start(ctx);
}

static void locks(struct foo_ctx *ctx)
{
	int ret;

	ret = v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);
	if (ret)
		goto fail;
	mutex_lock(&ctx->mutex);				/* found: waits */
	foo_start(ctx);
	mutex_unlock(&ctx->mutex);
	return;

fail:
	mutex_lock(&ctx->mutex);
	foo_job_finish(ctx, VB2_BUF_STATE_ERROR);
	mutex_unlock(&ctx->mutex);
}

static void fill_table(struct foo_ctx *ctx)
{
	if (!ctx->table)
		ctx->table = kzalloc_obj(*ctx->table);
}

static void calls(struct foo_ctx *ctx)
{
	int ret = v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);
	bool cookie;

	if (ret < 0)
		return;

	cookie = dma_fence_begin_signalling();
	fill_table(ctx);					/* found: waits */
	foo_start(ctx);
	dma_fence_end_signalling(cookie);
}
