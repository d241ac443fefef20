/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-save.h - the manifest.json of a 'docker save' archive.
 */
#ifndef BRIG_IMAGE_DOCKER_SAVE_H
#define BRIG_IMAGE_DOCKER_SAVE_H

#include "base/str.h"

struct err;

#define DOCKER_SAVE_SIZE_MAX   ((size_t)4 << 20)
#define DOCKER_SAVE_IMAGES_MAX 1024U

struct docker_save {  /* one image of it */
	char *config; /* a member's name */
	struct strv layers;
	struct strv names; /* RepoTags, normalised; odd ones left out */
};

/*
 * The image that has the name 'tag' in manifest.json; with a NULL 'tag' the only one
 * there is. -ENOENT names what there is. 'ret' is zeroed on failure.
 */
int docker_save_parse(const char *text, size_t len, const char *tag,
	struct docker_save *ret, struct err *e);
void docker_save_clear(struct docker_save *d);
#define auto_docker_save AUTO(docker_save_clear)

#endif
