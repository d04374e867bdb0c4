package dev.outlast.activities.workspace;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A real git repository, worked on with the real git as a user would. */
public final class TestRepository {

  public final Path folder;

  /** Makes a repository with no commit yet. */
  public TestRepository(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder).toRealPath();
    git("init", "--quiet", "--initial-branch=main");
  }

  /** Makes a repository with one commit of one file. */
  public static TestRepository withCommit(Path folder) throws IOException {
    TestRepository repository = new TestRepository(folder);
    repository.commit("file.txt", "one\n");
    return repository;
  }

  /** Runs git in the repository; gives what it prints, without the last line feed. */
  public String git(String... arguments) throws IOException {
    return gitIn(folder, arguments);
  }

  public static String gitIn(Path directory, String... arguments) throws IOException {
    List<String> line = new ArrayList<>(List.of("git"));
    line.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(line)
            .directory(directory.toFile())
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true);
    builder.environment().put("GIT_CONFIG_GLOBAL", "/dev/null");
    builder.environment().put("GIT_CONFIG_NOSYSTEM", "1");
    for (String who : List.of("AUTHOR", "COMMITTER")) {
      builder.environment().put("GIT_" + who + "_NAME", "Ann");
      builder.environment().put("GIT_" + who + "_EMAIL", "ann@example.org");
    }
    try {
      Process process = builder.start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException(line + ": " + out);
      }
      return out.stripTrailing();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  public Path write(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, content);
  }

  /** Commits one file; gives the commit. */
  public String commit(String name, String content) throws IOException {
    write(name, content);
    git("add", "--all");
    git("commit", "--quiet", "--message=" + name);
    return head();
  }

  public String head() throws IOException {
    return git("rev-parse", "HEAD");
  }

  /**
   * Sets everything in a repository's configuration and attributes that names a program, each to
   * one that leaves a file behind when it is run.
   *
   * @return the folder that then holds these files
   */
  public Path makeHostile(Path traps) throws IOException {
    Path sprung = Files.createDirectories(traps.resolve("sprung"));
    Path trap = traps.resolve("trap");
    Files.writeString(
        trap, "#!/bin/sh\necho \"$@\" >> '" + sprung + "'/\"${1:-none}\"-$$\ncat\nexit 0\n");
    if (!trap.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + trap + " executable");
    }
    git("config", "core.fsmonitor", trap + " fsmonitor");
    git("config", "core.sshCommand", trap + " ssh");
    git("config", "core.pager", trap + " pager");
    git("config", "core.editor", trap + " editor");
    git("config", "core.askPass", trap + " askpass");
    git("config", "core.gitProxy", trap + " proxy");
    git("config", "pager.status", trap + " pager-status");
    git("config", "diff.external", trap + " diff");
    git("config", "diff.evil.command", trap + " diff-driver");
    git("config", "diff.evil.textconv", trap + " textconv");
    git("config", "merge.evil.driver", trap + " merge");
    git("config", "filter.evil.clean", trap + " clean");
    git("config", "filter.evil.smudge", trap + " smudge");
    git("config", "filter.evil.required", "true");
    git("config", "filter.worse.process", trap + " process");
    git("config", "hook.evil.event", "post-checkout");
    git("config", "hook.evil.command", trap + " configured-hook");
    git("config", "credential.helper", trap + " credential");
    git("config", "core.alternateRefsCommand", trap + " alternates");
    git("config", "extensions.partialClone", "origin");
    git("config", "remote.origin.promisor", "true");
    git("config", "remote.origin.url", "ext::" + trap + " ext");
    git("config", "protocol.ext.allow", "always");
    Path hooks = Files.createDirectories(folder.resolve("hooks"));
    git("config", "core.hooksPath", hooks.toString());
    for (String hook :
        List.of("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc")) {
      Path script =
          Files.writeString(hooks.resolve(hook), "#!/bin/sh\n'" + trap + "' " + hook + "\n");
      if (!script.toFile().setExecutable(true)) {
        throw new IOException("cannot make " + script + " executable");
      }
    }
    Files.writeString(
        folder.resolve(".git/info/attributes"),
        "*.txt filter=evil diff=evil merge=evil\n*.bin filter=worse\n");
    return sprung;
  }
}
