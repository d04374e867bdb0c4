package dev.outlast.activities.workspace;

import dev.outlast.activities.process.Deadline;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.secret.KnownSecrets;
import dev.outlast.agent.WorkspaceState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How workspaces stand under git. It never fails: where git is missing, refuses, prints too much or
 * takes too long, nothing is known, and that is said once for each workspace in the log.
 * Thread-safe.
 */
public final class GitState {

  /** How long a look at a workspace may take, however many times git is asked for it. */
  public static final Duration MAX_TIME = Duration.ofSeconds(10);

  /** Of how many changed files size and time are looked at. */
  static final int MAX_LOOKED_AT = 10_000;

  /** For how many workspaces it is remembered that it was said that nothing is known of them. */
  private static final int MAX_SAID = 1_000;

  private static final Logger log = LoggerFactory.getLogger(GitState.class);
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

  private final Git git;
  private final Path stateFolder;
  private final Duration maxTime;
  private final Set<String> said = ConcurrentHashMap.newKeySet();

  /**
   * @param path the worker's PATH, on which git is found; may be null
   * @param stateFolder what the worker writes itself, which is nobody's change if it lies in a
   *     workspace
   */
  public GitState(String path, Path stateFolder) {
    this(Git.find(path), stateFolder, MAX_TIME);
  }

  GitState(Optional<Git> found, Path stateFolder, Duration maxTime) {
    this.git = found.orElse(null);
    this.stateFolder = Folders.real(stateFolder);
    this.maxTime = maxTime;
    if (git == null) {
      log.info(
          "There is no git on the worker's PATH: agents are not told of changes in their"
              + " workspaces, and no run can have a worktree");
    }
  }

  /**
   * What differs from the commit, as git lists it.
   *
   * @param entries by git's porcelain format, version 2
   */
  private record Look(WorkspaceState state, List<Changed> entries) {}

  /**
   * One changed path.
   *
   * @param path as git has it, from the top of the work tree
   * @param modified null if it is gone or cannot be looked at
   */
  private record Changed(String entry, String path, FileTime modified, long size) {}

  private static final Comparator<Changed> NEWEST_FIRST =
      Comparator.comparing(Changed::modified, Comparator.nullsLast(Comparator.reverseOrder()))
          .thenComparing(Changed::path);

  /**
   * How a workspace stands now. Only what is in it counts, not what else is in its repository. The
   * branch has no known secret in its name.
   *
   * @return null if that is not known
   */
  public WorkspaceState read(Path workspace) {
    Look look = look(workspace, Deadline.in(maxTime));
    return look == null ? null : look.state();
  }

  /**
   * How a workspace stands, with names.
   *
   * @param changed the paths that differ from the commit, those that were changed last first; fewer
   *     than the state counts where they are too many. No known secret is in them
   */
  public record Standing(WorkspaceState state, List<String> changed) {
    public Standing {
      changed = List.copyOf(changed);
    }
  }

  /**
   * How a workspace stands now, as {@link #read} does it, with the names of what differs.
   *
   * @param most how many are named at most
   * @return empty if that is not known
   */
  public Optional<Standing> standing(Path workspace, int most) {
    return Optional.ofNullable(look(workspace, Deadline.in(maxTime)))
        .map(
            look ->
                new Standing(
                    look.state(),
                    look.entries().stream()
                        .sorted(NEWEST_FIRST)
                        .limit(most)
                        .map(changed -> withoutSecrets(changed.path()))
                        .toList()));
  }

  /**
   * What has changed in a workspace, as a paragraph for its agent.
   *
   * @param before what {@link #read} gave then; null if nothing was known
   * @param perhapsByAgent whether the agent itself may have worked there since
   * @return empty if nothing has, or it is not known
   */
  public Optional<String> news(Path workspace, WorkspaceState before, boolean perhapsByAgent) {
    if (before == null) {
      return Optional.empty();
    }
    Deadline deadline = Deadline.in(maxTime);
    Look look = look(workspace, deadline);
    if (look == null || look.state().equals(before)) {
      return Optional.empty();
    }
    WorkspaceState now = look.state();
    Set<String> files = new LinkedHashSet<>();
    WorkspaceNews.Commits commits = null;
    boolean comparable = comparable(before.head(), now.head());
    try {
      if (comparable) {
        Repository repository = Repository.around(workspace).orElseThrow();
        Git.Opened opened = git.open(repository.gitFolder(), repository.tree(), deadline);
        commits = commits(opened, workspace, deadline, before.head(), now.head());
        files.addAll(
            opened
                .ask(
                    workspace,
                    deadline,
                    "diff-tree",
                    "-r",
                    "-z",
                    "--name-only",
                    "--no-renames",
                    "--ignore-submodules=all",
                    before.head(),
                    now.head(),
                    "--",
                    ".")
                .entries());
      }
    } catch (GitException e) {
      log.debug("{}: {} and {} are not compared", workspace, before.head(), now.head(), e);
    }
    if (!Objects.equals(before.digest(), now.digest())) {
      look.entries().stream().sorted(NEWEST_FIRST).forEach(changed -> files.add(changed.path()));
    }
    // They become an argument of the agent's, which everybody on the host can see.
    List<String> named =
        files.stream().limit(WorkspaceNews.MAX_FILES).map(GitState::withoutSecrets).toList();
    return Optional.of(
        new WorkspaceNews(before, now, commits, named, files.size() - named.size(), perhapsByAgent)
            .text());
  }

  /** Both come from a workflow's history, and become arguments. */
  private static boolean comparable(String before, String now) {
    return before != null
        && now != null
        && !before.equals(now)
        && COMMIT.matcher(before).matches()
        && COMMIT.matcher(now).matches();
  }

  private static WorkspaceNews.Commits commits(
      Git.Opened opened, Path workspace, Deadline deadline, String before, String now)
      throws GitException {
    String[] counts =
        opened
            .ask(workspace, deadline, "rev-list", "--count", "--left-right", before + "..." + now)
            .line()
            .split("\t");
    return new WorkspaceNews.Commits(Integer.parseInt(counts[1]), Integer.parseInt(counts[0]));
  }

  private Look look(Path workspace, Deadline deadline) {
    Optional<Repository> found = git == null ? Optional.empty() : Repository.around(workspace);
    if (found.isEmpty()) {
      return null;
    }
    Repository repository = found.get();
    try {
      Git.Opened opened = git.open(repository.gitFolder(), repository.tree(), deadline);
      return look(repository.tree(), status(opened, workspace, deadline), deadline);
    } catch (GitException e) {
      sayOnce(workspace, e.getMessage());
      return null;
    }
  }

  /** The state of all that is below a folder of a work tree, for a program to read. */
  static List<String> status(Git.Opened opened, Path folder, Deadline deadline)
      throws GitException {
    return opened
        .ask(
            folder,
            deadline,
            "status",
            "--porcelain=v2",
            "-z",
            "--branch",
            "--no-ahead-behind",
            "--no-renames",
            "--untracked-files=all",
            // A submodule is a repository with programs of its own, which would be run.
            "--ignore-submodules=all",
            "--",
            ".")
        .entries();
  }

  private Look look(Path tree, List<String> status, Deadline deadline) throws GitException {
    String head = null;
    String branch = null;
    List<Changed> changes = new ArrayList<>();
    for (String entry : status) {
      if (entry.startsWith("# branch.oid ")) {
        String oid = entry.substring("# branch.oid ".length());
        head = COMMIT.matcher(oid).matches() ? oid : null;
      } else if (entry.startsWith("# branch.head ")) {
        String name = entry.substring("# branch.head ".length());
        branch = name.equals("(detached)") ? null : withoutSecrets(name);
      } else if (!entry.startsWith("#")) {
        String path = path(entry);
        if (!ours(tree, path)) {
          changes.add(changed(entry, path, tree, changes.size() < MAX_LOOKED_AT));
        }
      }
      GitException.check(deadline, "its changed files cannot be looked at");
    }
    changes.sort(Comparator.comparing(Changed::path).thenComparing(Changed::entry));
    return new Look(
        new WorkspaceState(
            head, branch, changes.size(), changes.isEmpty() ? null : digest(changes)),
        changes);
  }

  /** An agent may have made up the name, also so that only what is shown of it is a secret. */
  private static String withoutSecrets(String name) {
    return KnownSecrets.redact(PlainText.clean(name));
  }

  /** The path of an entry; how many fields are before it depends on the first. */
  private static String path(String entry) {
    int fields = Map.of('1', 8, 'u', 10, '?', 1, '!', 1).getOrDefault(entry.charAt(0), 0);
    int at = 0;
    for (int i = 0; i < fields; i++) {
      at = entry.indexOf(' ', at) + 1;
    }
    return entry.substring(at);
  }

  private boolean ours(Path tree, String path) {
    if (!stateFolder.startsWith(tree) || stateFolder.equals(tree)) {
      return false;
    }
    String own = tree.relativize(stateFolder).toString();
    return path.equals(own) || path.startsWith(own + "/");
  }

  private static Changed changed(String entry, String path, Path tree, boolean lookedAt) {
    if (lookedAt) {
      try {
        BasicFileAttributes file =
            Files.readAttributes(
                tree.resolve(path), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        return new Changed(entry, path, file.lastModifiedTime(), file.size());
      } catch (IOException | InvalidPathException gone) {
        // Deleted, or named so that Java cannot name it: then the entry alone stands for it.
        log.trace("{} in {} cannot be looked at", path, tree, gone);
      }
    }
    return new Changed(entry, path, null, 0);
  }

  private static String digest(List<Changed> changes) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      ByteBuffer numbers = ByteBuffer.allocate(3 * Long.BYTES);
      for (Changed changed : changes) {
        byte[] entry = changed.entry().getBytes(StandardCharsets.UTF_8);
        FileTime modified = changed.modified();
        numbers
            .clear()
            .putLong(entry.length)
            .putLong(changed.size())
            .putLong(modified == null ? -1 : modified.to(TimeUnit.NANOSECONDS));
        sha.update(numbers.array());
        sha.update(entry);
      }
      return HexFormat.of().formatHex(sha.digest());
    } catch (NoSuchAlgorithmException everyJavaHasIt) {
      throw new IllegalStateException(everyJavaHasIt);
    }
  }

  private void sayOnce(Path workspace, String why) {
    if (said.size() < MAX_SAID && said.add(workspace.toString())) {
      log.warn(
          "{}: git cannot tell how it stands, so its agent is not told of changes: {}",
          workspace,
          why);
    }
  }
}
