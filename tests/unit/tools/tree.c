/* tree.c: the made-up files, and a folder of this source tree. */
#include "tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cli_fault fault;

Test(tree, is_made_up_where_there_is_none_and_always_the_same)
{
    cli_tree tree;
    uint8_t *one, *two;
    size_t one_len, two_len;

    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(cli_tree_default(&tree, &fault), HF_OK);
    cr_assert_gt(tree.len, 100);
    cr_assert_eq(cli_tree_load(&tree, 7, &one, &one_len), HF_OK);
    cr_assert_eq(cli_tree_load(&tree, 7, &two, &two_len), HF_OK);
    cr_expect(one_len > 0 && one_len == two_len && memcmp(one, two, one_len) == 0);
    free(one);
    free(two);
    cli_tree_clear(&tree);
}

Test(tree, lists_a_folder_with_all_below_it_but_hidden_files)
{
    cli_tree tree;
    bool itself = false;

    cr_assert_eq(cli_tree_read(&tree, HF_TOOLS_TESTS "/..", &fault), HF_OK, "%s", fault.text);
    for (size_t i = 0; i < tree.len; i++) {
        itself |= strcmp(tree.paths[i], "tools/tree.c") == 0;
        cr_expect_null(strstr(tree.paths[i], "/."));
    }
    cr_expect(itself);

    uint8_t *data;
    size_t len;
    uint64_t bytes = 0;
    for (size_t i = 0; i < tree.len; i++) {
        cr_assert_eq(cli_tree_load(&tree, i, &data, &len), HF_OK, "%s", tree.paths[i]);
        bytes += len;
        free(data);
    }
    cr_expect_eq(bytes, tree.bytes);
    cli_tree_clear(&tree);
}

Test(tree, says_what_it_can_not_read)
{
    cli_tree tree;

    cr_expect_eq(cli_tree_read(&tree, HF_TOOLS_TESTS "/nowhere", &fault), HF_EIO);
    cr_expect_not_null(strstr(fault.text, "nowhere"));
    cr_expect_eq(cli_tree_read(&tree, HF_TOOLS_TESTS "/tree.c", &fault), HF_EIO, "a file is no folder");
}
