/* tree.h: the files of a folder, or made-up ones: what the demo sends. */
#ifndef CLI_TREE_H
#define CLI_TREE_H

#include "fault.h"

#include <stddef.h>
#include <stdint.h>

#define CLI_TREE_FILES_MAX 20000
#define CLI_TREE_BYTES_MAX ((uint64_t)256 << 20)
#define CLI_TREE_FILE_MAX ((size_t)8 << 20) /* larger files are left out */

/* Zeroes are empty. */
typedef struct cli_tree {
    char *root;   /* NULL: made up */
    char **paths; /* below the root */
    size_t len, cap;
    uint64_t bytes;
} cli_tree;

/* Lists the regular files below `folder`, but for hidden ones and what builds leave behind; what is above the limits is left
 * out. HF_EIO: the folder can't be read; HF_ENOENT: there is no file in it; HF_ENOMEM. */
HF_CHECKED hf_err cli_tree_read(cli_tree *out, const char *folder, cli_fault *fault);

/* The current folder where it looks like a source tree; otherwise a tree that is made up. */
HF_CHECKED hf_err cli_tree_default(cli_tree *out, cli_fault *fault);

/* Reads file number `index`, in memory to free. HF_EIO, HF_ENOMEM. */
HF_CHECKED hf_err cli_tree_load(const cli_tree *tree, size_t index, uint8_t **data, size_t *len);

void cli_tree_clear(cli_tree *tree);

#endif
