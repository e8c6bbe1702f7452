/* SPDX-License-Identifier: GPL-2.0 */
/*
 * videobuf2 release fences: what the core and the memory allocators need
 *
 * The interface for drivers is in <media/videobuf2-core.h>. Everything here is
 * empty without CONFIG_VIDEOBUF2_RELEASE_FENCES.
 */
#ifndef _VIDEOBUF2_RELEASE_FENCE_H
#define _VIDEOBUF2_RELEASE_FENCE_H

#include <linux/dma-fence.h>
#include <linux/util_macros.h>

#include <media/videobuf2-core.h>

struct dma_resv;

/**
 * struct vb2_plane_resv - the reservation object of a plane's memory
 * @obj:	the object, or NULL if the queue has no release fences
 *
 * An allocator keeps it beside the memory that it describes, so that every
 * &struct dma_buf exported from that memory shares it.
 */
struct vb2_plane_resv {
#ifdef CONFIG_VIDEOBUF2_RELEASE_FENCES
	struct dma_resv *obj;
#endif
};

/* The get_resv memop of an allocator; compiles away with the feature */
#define vb2_release_fence_ptr(_ptr) \
	PTR_IF(IS_ENABLED(CONFIG_VIDEOBUF2_RELEASE_FENCES), (_ptr))

#ifdef CONFIG_VIDEOBUF2_RELEASE_FENCES

int vb2_plane_resv_init(struct vb2_plane_resv *resv, struct vb2_buffer *vb);
void vb2_plane_resv_fini(struct vb2_plane_resv *resv);

static inline struct dma_resv *vb2_plane_resv_obj(struct vb2_plane_resv *resv)
{
	return resv->obj;
}

int vb2_release_fence_queue_init(struct vb2_queue *q);
void __vb2_release_fence_signal(struct vb2_buffer *vb,
				enum vb2_buffer_state state);

static inline void vb2_release_fence_cancel(struct vb2_queue *q, bool cancel)
{
	WRITE_ONCE(q->release_fence_cancel, cancel);
}

/*
 * Open and close the signalling section of vb2_buffer_done(). Finishing the
 * memory belongs in it; after the end, the fence of @vb is gone.
 */
static inline bool vb2_release_fence_done_begin(struct vb2_buffer *vb)
{
	return vb->release_fence ? dma_fence_begin_signalling() : true;
}

static inline void vb2_release_fence_done_end(struct vb2_buffer *vb,
					      enum vb2_buffer_state state,
					      bool cookie)
{
	if (vb->release_fence)
		__vb2_release_fence_signal(vb, state);
	dma_fence_end_signalling(cookie);
}

#else

static inline int vb2_plane_resv_init(struct vb2_plane_resv *resv,
				      struct vb2_buffer *vb)
{
	return 0;
}

static inline void vb2_plane_resv_fini(struct vb2_plane_resv *resv)
{
}

static inline struct dma_resv *vb2_plane_resv_obj(struct vb2_plane_resv *resv)
{
	return NULL;
}

static inline int vb2_release_fence_queue_init(struct vb2_queue *q)
{
	return 0;
}

static inline void vb2_release_fence_cancel(struct vb2_queue *q, bool cancel)
{
}

static inline bool vb2_release_fence_done_begin(struct vb2_buffer *vb)
{
	return true;
}

static inline void vb2_release_fence_done_end(struct vb2_buffer *vb,
					      enum vb2_buffer_state state,
					      bool cookie)
{
}

#endif /* CONFIG_VIDEOBUF2_RELEASE_FENCES */

#endif /* _VIDEOBUF2_RELEASE_FENCE_H */
