/* SPDX-License-Identifier: GPL-2.0 */
static inline void foo_kick_watchdog(struct foo_ctx *ctx)
{
	queue_delayed_work(ctx->wq, &ctx->watchdog, HZ);
}
