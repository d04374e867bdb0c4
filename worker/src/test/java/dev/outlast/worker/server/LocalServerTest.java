package dev.outlast.worker.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalServerTest {

  private static final int CONNECT_MILLIS = 2_000;

  @TempDir Path folder;

  @Test
  void the_in_memory_server_is_not_reachable_from_other_machines() throws IOException {
    try (LocalServer server = LocalServer.inMemory(0)) {
      int port = Integer.parseInt(server.target().replaceAll(".*:", ""));
      connect(InetAddress.getLoopbackAddress(), port);
      // Any other address of 127.0.0.0/8 reaches a server that listens on all interfaces.
      InetAddress other = InetAddress.getByName("127.0.0.2");
      if (NetworkInterface.getByInetAddress(other) != null
          || System.getProperty("os.name").equals("Linux")) {
        assertThrows(ConnectException.class, () -> connect(other, port));
      }
    }
  }

  private static void connect(InetAddress address, int port) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address, port), CONNECT_MILLIS);
    }
  }

  @Test
  void a_port_that_is_taken_is_named_with_the_remedy() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      LocalServerException e =
          assertThrows(LocalServerException.class, () -> LocalServer.inMemory(port).close());
      assertTrue(e.getMessage().contains("port " + port), e.getMessage());
      assertTrue(e.getMessage().contains("--port"), e.getMessage());
      Path nothing = folder.resolve("none");
      LocalServerException real =
          assertThrows(
              LocalServerException.class,
              () -> LocalServer.real(nothing, port, 0, nothing, nothing, Map.of()).close());
      assertEquals(e.getMessage(), real.getMessage());
    }
  }

  @Test
  void the_real_server_is_found_where_the_user_says_then_by_variable_then_on_the_path()
      throws IOException {
    Path onPath = program("bin/temporal");
    Path byVariable = program("variable");
    Path given = program("given");
    Map<String, String> path = Map.of("PATH", "/nowhere:" + onPath.getParent());
    Map<String, String> both =
        Map.of("PATH", onPath.getParent().toString(), LocalServer.VARIABLE, byVariable.toString());

    assertEquals(Optional.of(onPath), LocalServer.executable(null, path));
    assertEquals(Optional.of(byVariable), LocalServer.executable(null, both));
    assertEquals(Optional.of(given), LocalServer.executable(given.toString(), both));
    assertEquals(Optional.empty(), LocalServer.executable(null, Map.of()));
  }

  @Test
  void a_named_executable_that_is_none_is_an_error() throws IOException {
    Path text = Files.writeString(folder.resolve("text"), "x");
    LocalServerException e =
        assertThrows(
            LocalServerException.class, () -> LocalServer.executable(text.toString(), Map.of()));
    assertTrue(e.getMessage().contains(text + " is not an executable file; correct --temporal"));
  }

  private Path program(String name) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n");
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }
}
