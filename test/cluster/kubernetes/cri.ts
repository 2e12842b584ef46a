import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';

/**
 * Whether a container runtime answers the kubelet's first question (CRI's `Version`). Its socket is there
 * earlier: a containerd that is still recovering its pods refuses, and a kubelet that is refused ends.
 */
export function runtimeAnswers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connectHttp2('http://localhost', { createConnection: () => connect(socket) });
    const finish = (answers: boolean) => {
      session.destroy();
      resolve(answers);
    };
    session.on('error', () => finish(false));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/runtime.v1.RuntimeService/Version',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    // A refusal comes as headers alone, an answer ends with trailers; both carry the status.
    stream.on('response', (headers) => headers['grpc-status'] && finish(headers['grpc-status'] === '0'));
    stream.on('trailers', (trailers) => finish(trailers['grpc-status'] === '0'));
    stream.on('error', () => finish(false));
    stream.on('close', () => finish(false));
    stream.resume();
    // A gRPC message: not compressed, of length 0.
    stream.end(Buffer.alloc(5));
  });
}
