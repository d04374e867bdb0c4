package dev.outlast.activities.workspace;

import dev.outlast.activities.file.OwnerOnly;
import dev.outlast.activities.process.Deadline;
import dev.outlast.activities.process.PlainText;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The git worktrees that runs have for themselves, in the state folder: {@code worktrees/NAME} with
 * the branch {@code outlast/NAME}. A worktree begins with the commit that is checked out in the
 * workspace that the run asked for; what is not committed there is not in it. Filters of the
 * repository are not run, so files that a filter keeps elsewhere are there as what is committed of
 * them. While its run lives it is locked for git. Needs git 2.34 or newer. Thread-safe, also
 * between processes.
 */
public final class Worktrees {

  /** What the branches of worktrees begin with. */
  public static final String BRANCHES = "outlast/";

  /** How long git may take to fill a worktree, or to take one away, however often it is tried. */
  static final Duration MAX_TIME = Worktree.MAX_TIME;

  /** How much longer it may take to clear away what could not be made to the end. */
  static final Duration MAX_CLEARING = Duration.ofMinutes(2);

  /** How often something is tried that another git is in the way of. */
  static final int MAX_TRIES = 6;

  private static final Duration PAUSE = Duration.ofMillis(200);
  private static final Logger log = LoggerFactory.getLogger(Worktrees.class);
  private static final Pattern BUSY =
      Pattern.compile(
          "\\.lock': File exists|[Uu]nable to (?:create|lock)|cannot lock|could not lock");
  private static final Pattern BRANCH_IN_THE_WAY =
      Pattern.compile("'refs/heads/outlast' exists|refs/heads/outlast: Not a directory");

  private final Git git;
  private final Path folder;
  private final WorktreeRecords records;
  private final Clock clock;

  /** How a worktree is used. */
  public enum Use {
    /** Its run has not given it back. */
    IN_USE,
    /** Its run has ended, and it has changes. */
    KEPT,
    /** Its run has ended, and it has no changes. */
    CLEAN,
    /** It is not there any more. */
    MISSING
  }

  /**
   * One worktree.
   *
   * @param run the workflow id of the run that it was made for
   * @param held whether that run has not given it back
   * @param made whether it was made to the end; only then any agent was told of it
   * @param commits how many commits it has beyond its base; null if git does not say
   * @param changed how many paths are not committed; null if git does not say
   */
  public record Entry(
      String name,
      String run,
      boolean held,
      boolean made,
      Use use,
      String branch,
      String base,
      String path,
      String repository,
      Instant created,
      Integer commits,
      Integer changed) {}

  /** What would be lost with a worktree. */
  private record Standing(int commits, int changed) {
    boolean clean() {
      return commits == 0 && changed == 0;
    }
  }

  /**
   * @param path the worker's PATH, on which git is found; may be null
   * @param stateFolder the state folder; there already
   */
  public Worktrees(String path, Path stateFolder, Clock clock) {
    this.git = Git.find(path).orElse(null);
    Path real = Folders.real(stateFolder);
    this.folder = real.resolve("worktrees");
    this.records = new WorktreeRecords(real.resolve("worktree-records"));
    this.clock = clock;
  }

  /** Whether a real path is in a worktree, or where one would be. */
  boolean contain(Path real) {
    return real.startsWith(folder) && !real.equals(folder);
  }

  /** The workflow id of the run that has the worktree that a path is in; null if none has. */
  String holder(Path real) {
    String name = folder.relativize(real).getName(0).toString();
    try {
      return records
          .read(name)
          .filter(record -> !record.released())
          .map(WorktreeRecord::run)
          .orElse(null);
    } catch (IOException e) {
      throw WorkspaceException.passing("worktree: " + name + ": " + e.getMessage());
    }
  }

  /**
   * The repository of which a worktree could be made for a run that wants to work in a folder.
   *
   * @param workspace a real path
   * @throws WorkspaceException if there can be none; the message says why
   */
  public Repository source(Path workspace) {
    Repository from =
        Repository.around(workspace)
            .orElseThrow(
                () ->
                    wrong(
                        workspace,
                        Repository.bare(workspace)
                            ? "is a bare repository, which has no work tree to begin with; name a"
                                + " clone that has one"
                            : "is in no git repository; make one there (git init, git commit), or"
                                + " leave worktree out"));
    if (git == null) {
      throw wrong(
          workspace, "cannot have a worktree: there is no git on the worker's PATH; install it");
    }
    return from;
  }

  /**
   * Makes a worktree for a run, or finds the one that an earlier try has made.
   *
   * @param run the workflow id
   * @param execution the workflow's run id
   * @param workspace a real path in the work tree of a repository
   * @throws WorkspaceException if there can be none; the message says why
   */
  public Worktree make(String run, String execution, Path workspace) {
    Repository from = source(workspace);
    Deadline deadline = Deadline.in(MAX_TIME);
    try {
      for (String name : WorktreeName.of(run, execution)) {
        Optional<Worktree> made =
            records.alone(name, () -> make(name, run, execution, from, workspace, deadline));
        if (made.isPresent()) {
          return made.get();
        }
      }
    } catch (GitException e) {
      throw refused(workspace, e);
    } catch (IOException e) {
      throw unwritable(e);
    }
    throw wrong(
        workspace,
        "cannot have a worktree for the run "
            + shown(run)
            + ": there are branches or folders of both names that it might have; see: outlast"
            + " worktrees");
  }

  /** Makes a worktree of this name; empty if the name is another's. */
  private Optional<Worktree> make(
      String name, String run, String execution, Repository from, Path workspace, Deadline deadline)
      throws IOException {
    Path inside = from.tree().relativize(workspace);
    Optional<WorktreeRecord> known = records.read(name);
    if (known.isPresent() && !known.get().isOf(run, execution)) {
      return Optional.empty();
    }
    if (known.isPresent() && known.get().ready()) {
      return Optional.of(made(known.get(), inside));
    }
    if (known.isPresent()) {
      // An earlier try was cut short, before any agent was told of it.
      clear(known.get(), deadline);
    }
    WorktreeRecord planned = planned(name, run, execution, from, inside, deadline);
    boolean taken = there(planned) || commitOf(planned, deadline).isPresent();
    return taken ? Optional.empty() : Optional.of(made(fill(planned, deadline), inside));
  }

  private WorktreeRecord planned(
      String name, String run, String execution, Repository from, Path inside, Deadline deadline)
      throws GitException {
    Git.Opened opened = git.open(from.gitFolder(), from.tree(), deadline);
    Git.Answer head =
        opened.run(from.tree(), deadline, "rev-parse", "--verify", "--quiet", "HEAD^{commit}");
    if (head.exitCode() != 0) {
      throw wrong(from.tree(), "has no commit yet, which a worktree begins with; make one");
    }
    String base = head.line();
    String shared = opened.ask(from.tree(), deadline, "rev-parse", "--git-common-dir").line();
    if (!inside.toString().isEmpty()) {
      String object = base + ":" + inside;
      Git.Answer type = opened.run(from.tree(), deadline, "cat-file", "-t", object);
      if (!type.line().equals("tree")) {
        throw wrong(
            from.tree().resolve(inside),
            "is not in the commit that is checked out ("
                + base
                + "), so it would not be in a worktree; commit it, or leave worktree out");
      }
    }
    return new WorktreeRecord(
        name,
        run,
        execution,
        from.tree().toString(),
        Folders.real(from.tree().resolve(shared)).toString(),
        null,
        folder.resolve(name).toString(),
        BRANCHES + name,
        base,
        clock.instant().toString(),
        false);
  }

  /** Has git make what is planned; what it leaves behind when it fails is taken away again. */
  private WorktreeRecord fill(WorktreeRecord planned, Deadline deadline) throws IOException {
    OwnerOnly.folder(folder);
    records.write(planned);
    for (int attempt = 1; ; attempt++) {
      try {
        Git.Opened shared = opened(planned.shared(), deadline);
        shared.ask(
            Path.of(planned.common()),
            deadline,
            "worktree",
            "add",
            "--quiet",
            "--lock",
            "--reason",
            "in use by the run " + shown(planned.run()),
            "-b",
            planned.branch(),
            planned.path(),
            planned.base());
        WorktreeRecord ready = planned.at(Folders.gitFolder(Path.of(planned.path())));
        records.write(ready);
        return ready;
      } catch (IOException e) {
        boolean busy = e instanceof GitException && busy(e.getMessage());
        try {
          clear(planned, deadline.plus(MAX_CLEARING));
          if (!busy || attempt == MAX_TRIES) {
            records.delete(planned.name());
          }
        } catch (IOException unclear) {
          // The record stays, and the next try clears what it names.
          e.addSuppressed(unclear);
          throw e;
        }
        if (!busy || attempt == MAX_TRIES) {
          throw e;
        }
        pause(attempt);
      }
    }
  }

  private static boolean busy(String complaint) {
    return BUSY.matcher(complaint).find() && !BRANCH_IN_THE_WAY.matcher(complaint).find();
  }

  private static void pause(int attempt) {
    try {
      Thread.sleep(PAUSE.multipliedBy(attempt).toMillis());
    } catch (InterruptedException workerEnds) {
      throw WorkspaceException.passing("worktree: not made: the worker is going away");
    }
  }

  private Worktree made(WorktreeRecord record, Path inside) {
    Path workspace = Path.of(record.path()).resolve(inside);
    if (!Files.isDirectory(workspace)) {
      throw wrong(workspace, "is gone, with which the run began; put it back, or start a new run");
    }
    return new Worktree(
        record.path(),
        Folders.real(workspace).toString(),
        record.repository(),
        record.branch(),
        record.base());
  }

  /**
   * Gives a worktree back after its run has ended: one without changes is taken away with its
   * branch, any other stays. Files that git ignores are no changes.
   *
   * @param run the workflow id of the run
   * @throws WorkspaceException if git fails; the worktree then stays
   */
  public WorktreeEnd release(Worktree worktree, String run) {
    Path path = Path.of(worktree.path());
    if (!folder.equals(path.getParent())) {
      throw wrong(path, "is not where this host keeps worktrees, which is " + folder);
    }
    String name = path.getFileName().toString();
    try {
      return records.alone(name, () -> release(name, path, run));
    } catch (GitException e) {
      throw refused(path, e);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private WorktreeEnd release(String name, Path path, String run) throws IOException {
    Optional<WorktreeRecord> known = records.read(name);
    if (known.isEmpty()) {
      return new WorktreeEnd(Files.exists(path, LinkOption.NOFOLLOW_LINKS), 0, 0);
    }
    if (!known.get().run().equals(run)) {
      throw wrong(path, "belongs to the run " + shown(known.get().run()));
    }
    return released(known.get());
  }

  private WorktreeEnd released(WorktreeRecord record) throws IOException {
    Deadline deadline = Deadline.in(MAX_TIME);
    if (!there(record)) {
      int commits = forget(record, deadline);
      return new WorktreeEnd(false, commits, 0);
    }
    if (!record.ready() || !Files.isDirectory(record.own().gitFolder())) {
      log.warn("The worktree {} is kept: {} does not know it", record.path(), record.common());
      records.write(record.asReleased());
      return new WorktreeEnd(true, 0, 0);
    }
    Standing standing = null;
    try {
      standing = standing(record, deadline);
      if (standing.clean() && removed(record, deadline)) {
        forget(record, deadline);
        return new WorktreeEnd(false, 0, 0);
      }
    } catch (GitException e) {
      if (e.why() == GitException.Cause.TOO_LONG || e.why() == GitException.Cause.NOT_RUN) {
        throw e;
      }
      log.warn("The worktree {} is kept: {}", record.path(), e.getMessage());
    }
    unlock(record, deadline);
    records.write(record.asReleased());
    return standing == null
        ? new WorktreeEnd(true, 0, 0)
        : new WorktreeEnd(true, standing.commits(), standing.changed());
  }

  /**
   * All worktrees, by name.
   *
   * @throws WorkspaceException if the records cannot be read
   */
  public List<Entry> list() {
    try {
      List<Entry> entries = new ArrayList<>();
      for (WorktreeRecord record : records.all(clock.instant())) {
        entries.add(entry(record));
      }
      return entries;
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /**
   * One worktree.
   *
   * @return empty if there is none of that name
   * @throws WorkspaceException if its record cannot be read
   */
  public Optional<Entry> find(String name) {
    try {
      return records.read(name).map(this::entry);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private Entry entry(WorktreeRecord record) {
    Standing standing = null;
    try {
      if (git != null
          && record.ready()
          && there(record)
          && Files.isDirectory(record.own().gitFolder())) {
        standing = standing(record, Deadline.in(GitState.MAX_TIME));
      }
    } catch (GitException e) {
      log.warn("{}: git cannot tell how it stands: {}", record.path(), e.getMessage());
    }
    Use ended = standing != null && standing.clean() ? Use.CLEAN : Use.KEPT;
    Use use = record.released() ? ended : Use.IN_USE;
    return new Entry(
        record.name(),
        record.run(),
        !record.released(),
        record.ready(),
        there(record) ? use : Use.MISSING,
        record.branch(),
        record.base(),
        record.path(),
        record.repository(),
        Instant.parse(record.created()),
        standing == null ? null : standing.commits(),
        standing == null ? null : standing.changed());
  }

  /**
   * Takes a worktree away whose run has ended, which the caller has made sure of. Its branch goes
   * too, unless it has commits beyond the base.
   *
   * @param force also if it has changes: what is not committed, and what is committed on no branch,
   *     is lost
   * @return how many commits the branch keeps; 0 if it is gone
   * @throws WorkspaceException if there is none of that name, or it has changes and is not forced,
   *     or git fails
   */
  public int remove(String name, boolean force) {
    try {
      return records.alone(name, () -> removeAlone(name, force));
    } catch (GitException e) {
      throw WorkspaceException.passing("worktree: " + shown(name) + ": " + e.getMessage());
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private int removeAlone(String name, boolean force) throws IOException {
    WorktreeRecord record =
        records
            .read(name)
            .orElseThrow(
                () ->
                    WorkspaceException.lasting(
                        "worktree: there is none named '" + shown(name) + "'"));
    Path path = Path.of(record.path());
    Deadline deadline = Deadline.in(MAX_TIME);
    if (force || !record.ready()) {
      clear(record, deadline);
    } else if (there(record)) {
      Standing standing = standing(record, deadline);
      if (!standing.clean()) {
        throw wrong(
            path,
            "has changes: commits "
                + standing.commits()
                + ", paths that are not committed "
                + standing.changed()
                + "; with --force these paths are lost, and commits stay on branch "
                + record.branch());
      }
      if (!removed(record, deadline)) {
        throw wrong(path, "has something in it that git does not remove; see the log");
      }
    }
    return forget(record, deadline);
  }

  private static boolean there(WorktreeRecord record) {
    return Files.exists(Path.of(record.path()), LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean hasRepository(WorktreeRecord record) {
    return Files.isDirectory(Path.of(record.common()));
  }

  private Git.Opened opened(Repository repository, Deadline deadline) throws GitException {
    if (git == null) {
      throw new GitException(GitException.Cause.NOT_RUN, "there is no git on the worker's PATH");
    }
    return git.open(repository.gitFolder(), repository.tree(), deadline);
  }

  private Standing standing(WorktreeRecord record, Deadline deadline) throws GitException {
    Path path = Path.of(record.path());
    if (!Folders.real(path).equals(path)) {
      throw new GitException(GitException.Cause.REFUSED, path + " has been replaced by a link");
    }
    Git.Opened own = opened(record.own(), deadline);
    long changed =
        GitState.status(own, path, deadline).stream().filter(e -> !e.startsWith("#")).count();
    List<String> tips = new ArrayList<>(List.of("HEAD"));
    commitOf(record, deadline).ifPresent(tips::add);
    return new Standing(count(own, path, record, tips, deadline), Math.toIntExact(changed));
  }

  /** How many commits can be reached from these, but not from the base. */
  private static int count(
      Git.Opened opened,
      Path directory,
      WorktreeRecord record,
      List<String> tips,
      Deadline deadline)
      throws GitException {
    List<String> arguments = new ArrayList<>(List.of("rev-list", "--count"));
    arguments.addAll(tips);
    arguments.add("^" + record.base());
    return Integer.parseInt(
        opened.ask(directory, deadline, arguments.toArray(new String[0])).line());
  }

  /** What a worktree's branch points to. */
  private Optional<String> commitOf(WorktreeRecord record, Deadline deadline) throws GitException {
    Git.Answer answer =
        opened(record.shared(), deadline)
            .run(
                Path.of(record.common()),
                deadline,
                "rev-parse",
                "--verify",
                "--quiet",
                "refs/heads/" + record.branch());
    return answer.exitCode() == 0 ? Optional.of(answer.line()) : Optional.empty();
  }

  /** Has git take away what is clean, which it makes sure of itself; says whether it has. */
  private boolean removed(WorktreeRecord record, Deadline deadline) throws IOException {
    unlock(record, deadline);
    Git.Opened shared = opened(record.shared(), deadline);
    Path common = Path.of(record.common());
    Git.Answer answer = shared.run(common, deadline, "worktree", "remove", record.path());
    if (answer.exitCode() != 0
        && answer.complaint().contains("submodules")
        && !Folders.holdRepositories(Path.of(record.path()), deadline)) {
      // Git never removes where submodules may be, not even where none was ever filled.
      answer = shared.run(common, deadline, "worktree", "remove", "--force", record.path());
    }
    if (answer.exitCode() != 0) {
      log.warn("The worktree {} is kept: {}", record.path(), answer.complaint());
    }
    return answer.exitCode() == 0;
  }

  private void unlock(WorktreeRecord record, Deadline deadline) throws GitException {
    Git.Answer answer =
        opened(record.shared(), deadline)
            .run(Path.of(record.common()), deadline, "worktree", "unlock", record.path());
    if (answer.exitCode() != 0) {
      log.debug("{} was not locked: {}", record.path(), answer.complaint());
    }
  }

  /** Takes all away that git knows and has of a worktree, but no commits. */
  private void clear(WorktreeRecord record, Deadline deadline) throws IOException {
    Folders.deleteTree(Path.of(record.path()), deadline);
    if (!hasRepository(record)) {
      return;
    }
    Git.Opened shared = opened(record.shared(), deadline);
    Path common = Path.of(record.common());
    Git.Answer answer =
        shared.run(common, deadline, "worktree", "remove", "--force", "--force", record.path());
    if (answer.exitCode() != 0) {
      log.debug("Git did not know {}: {}", record.path(), answer.complaint());
    }
    deleteBranch(record, shared, deadline);
  }

  /**
   * After a worktree is gone: takes away what was kept of it.
   *
   * @return how many commits its branch keeps
   */
  private int forget(WorktreeRecord record, Deadline deadline) throws IOException {
    clear(record, deadline);
    int commits = hasRepository(record) ? commits(record, deadline) : 0;
    records.delete(record.name());
    return commits;
  }

  /** How many commits a worktree's branch has beyond the base; 0 if there is no such branch. */
  private int commits(WorktreeRecord record, Deadline deadline) throws GitException {
    Optional<String> tip = commitOf(record, deadline);
    return tip.isEmpty()
        ? 0
        : count(
            opened(record.shared(), deadline),
            Path.of(record.common()),
            record,
            List.of(tip.get()),
            deadline);
  }

  /** Deletes a branch that has no commits beyond the base, if nobody has checked it out. */
  private static void deleteBranch(WorktreeRecord record, Git.Opened shared, Deadline deadline)
      throws GitException {
    Path common = Path.of(record.common());
    String ref = "refs/heads/" + record.branch();
    String[] found =
        shared
            .ask(common, deadline, "for-each-ref", "--format=%(objectname) %(worktreepath)", ref)
            .line()
            .split(" ", 2);
    boolean free = found.length == 1 || found[1].isEmpty();
    if (found[0].isEmpty()
        || !free
        || count(shared, common, record, List.of(found[0]), deadline) > 0) {
      return;
    }
    // Only if it still is what was looked at.
    Git.Answer answer = shared.run(common, deadline, "update-ref", "-d", ref, found[0]);
    if (answer.exitCode() != 0) {
      log.warn("Branch {} of {} stays: {}", record.branch(), common, answer.complaint());
    }
  }

  private static WorkspaceException wrong(Path path, String what) {
    return WorkspaceException.lasting("worktree: '" + path + "' " + what);
  }

  private static WorkspaceException refused(Path path, GitException e) {
    String said = e.getMessage();
    String what = "worktree: '" + path + "': " + said;
    if (BRANCH_IN_THE_WAY.matcher(said).find()) {
      return WorkspaceException.lasting(
          what + "; rename the branch 'outlast', as branches of runs are named outlast/…");
    }
    if (said.contains("No space left on device")) {
      return WorkspaceException.passing(
          what + "; make room on the disk of the state folder and of the repository");
    }
    if (said.contains("lazy fetching disabled")) {
      return WorkspaceException.lasting(
          what + "; this partial clone lacks files of its commit: check it out there, once");
    }
    if (said.contains("unknown option")) {
      return WorkspaceException.lasting(
          what + "; git 2.34 or newer is needed on the worker's PATH");
    }
    boolean passing = e.why() != GitException.Cause.REFUSED || busy(said);
    return passing ? WorkspaceException.passing(what) : WorkspaceException.lasting(what);
  }

  private static WorkspaceException unwritable(IOException e) {
    return WorkspaceException.passing(
        "worktree: the state folder cannot be used: " + e + "; make it writable, and make room");
  }

  private static String shown(String run) {
    return PlainText.head(PlainText.clean(run).replaceAll("\\s", " "), WorkspaceNews.MAX_NAME);
  }
}
