// An API key that is typed into the page is gone when the page is closed, and the contract goes to no validator outside.
SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
