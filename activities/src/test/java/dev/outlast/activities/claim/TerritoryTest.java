package dev.outlast.activities.claim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TerritoryTest {

  @TempDir Path temporary;
  private Path folder;

  @BeforeEach
  void resolve() throws IOException {
    folder = temporary.toRealPath();
  }

  private Path made(String path) throws IOException {
    return Files.createDirectories(folder.resolve(path));
  }

  private Path repository(String path) throws IOException {
    Path made = made(path);
    Files.createDirectory(made.resolve(".git"));
    return made;
  }

  private Path linked(String path, String target) throws IOException {
    Path made = made(path);
    Files.writeString(made.resolve(".git"), "gitdir: " + target + "\n");
    return made;
  }

  private static void assertOverlap(boolean overlap, Path one, Path other) {
    assertEquals(overlap, Territory.of(one).overlaps(Territory.of(other)), one + ", " + other);
    assertEquals(overlap, Territory.of(other).overlaps(Territory.of(one)), other + ", " + one);
  }

  @Test
  void a_folder_overlaps_itself_and_what_is_within_and_not_its_neighbour() throws IOException {
    assertOverlap(true, made("a"), made("a"));
    assertOverlap(true, made("a"), made("a/b/c"));
    assertOverlap(false, made("a/b"), made("a/c"));
    assertOverlap(false, made("a"), made("ab"));
  }

  @Test
  void the_folders_of_one_git_work_tree_overlap() throws IOException {
    repository("repo");
    assertOverlap(true, made("repo/one"), made("repo/two"));
    assertOverlap(true, made("repo/one"), folder.resolve("repo"));
  }

  @Test
  void repositories_beside_each_other_do_not_overlap() throws IOException {
    assertOverlap(false, repository("repos/one"), repository("repos/two"));
  }

  @Test
  void a_linked_worktree_is_apart_wherever_it_is() throws IOException {
    Path repo = repository("repo");
    Path tree = linked("repo/.trees/feature", repo + "/.git/worktrees/feature");
    Path other = linked("elsewhere", repo + "/.git/worktrees/elsewhere");
    assertOverlap(false, repo, tree);
    assertOverlap(false, repo, made("repo/.trees/feature/deep"));
    assertOverlap(false, repo, other);
    assertOverlap(false, tree, other);
    assertOverlap(true, tree, made("repo/.trees/feature/deep"));
    assertOverlap(true, tree, tree);
  }

  @Test
  void a_submodule_is_part_of_the_work_tree_around_it() throws IOException {
    Path repo = repository("repo");
    Path submodule = linked("repo/lib", "../.git/modules/lib");
    assertOverlap(true, repo, submodule);
  }

  @Test
  void a_folder_that_is_gone_still_overlaps() throws IOException {
    made("a");
    assertOverlap(true, folder.resolve("a/gone"), folder.resolve("a/gone"));
    assertOverlap(true, folder.resolve("a"), folder.resolve("a/gone/deep"));
  }

  @Test
  void a_git_link_that_leads_nowhere_sets_no_folder_apart() throws IOException {
    repository("repo");
    for (String part : new String[] {"repo/one", "repo/two"}) {
      Files.createSymbolicLink(made(part).resolve(".git"), folder.resolve("nowhere"));
    }
    assertOverlap(true, made("repo/one"), made("repo/two"));
  }
}
