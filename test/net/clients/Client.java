// SPDX-License-Identifier: Apache-2.0

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** A client as Java programs have it. */
public class Client {
	public static void main(String[] args) throws Exception {
		HttpClient client = HttpClient.newHttpClient();

		for (String url : args) {
			HttpResponse<String> res = client.send(
				HttpRequest.newBuilder(URI.create(url)).build(),
				HttpResponse.BodyHandlers.ofString());

			System.out.println(res.version() + " " + res.statusCode() + " " + res.body().length());
			if (res.statusCode() != 200)
				System.exit(1);
		}
	}
}
