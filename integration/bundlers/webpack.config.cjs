module.exports = {
  mode: 'production', // with short names
  target: 'node20',
  entry: './app.mjs',
  output: { path: __dirname, filename: 'webpack.cjs' },
};
