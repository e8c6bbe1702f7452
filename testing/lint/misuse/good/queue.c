// SPDX-License-Identifier: GPL-2.0
/* Another file of the same driver attaches. */

static int queue_init(void *priv, struct vb2_queue *src_vq, struct vb2_queue *dst_vq)
{
	src_vq->supports_release_fences = false;
	dst_vq->supports_release_fences = true;

	return vb2_queue_init(dst_vq);
}
